"""L1: it is always bounded in bytes, and it spares the entries in use."""

from hypothesis import given
from hypothesis import strategies as st

from wb_cli.server.cache.entry import Encoding, Entry
from wb_cli.server.cache.local import OVERHEAD_BYTES, LocalTier, Shelf


def entry(version: str = "v1", size: int = 100) -> Entry:
    return Entry(version, "f", bytes(size), Encoding.IDENTITY)


def room_for(count: int, size: int = 100) -> LocalTier:
    return LocalTier(count * (size + OVERHEAD_BYTES))


def order_of(tier: LocalTier) -> list[str]:
    """The uniquenesses from oldest to newest, after checking the links both ways."""
    found, node = [], tier._oldest
    while node is not None:
        found.append(node)
        assert node.newer is None or node.newer.older is node
        node = node.newer
    assert (found[-1] if found else None) is tier._newest
    return [node.uniqueness for node in found]


def test_the_oldest_goes_first() -> None:
    tier = room_for(2)
    shelf = tier.shelf()
    for name in "abc":
        assert shelf.put(name, entry(), 1)
    assert list(shelf.nodes) == order_of(tier) == ["b", "c"]
    assert tier.evictions == 1


def test_an_entry_that_was_hit_is_spared_once() -> None:
    tier = room_for(2)
    shelf = tier.shelf()
    shelf.put("a", entry(), 1)
    shelf.put("b", entry(), 1)
    shelf.nodes["a"].hits += 1
    shelf.put("c", entry(), 1)
    assert sorted(shelf.nodes) == ["a", "c"]
    shelf.put("d", entry(), 1)
    assert len(shelf.nodes) == 2


def test_a_scan_does_not_flush_entries_in_use() -> None:
    tier = room_for(100)
    shelf = tier.shelf()
    hot = [f"hot {n}" for n in range(20)]
    for name in hot:
        shelf.put(name, entry(), 1)
    for n in range(1000):
        for name in hot:
            shelf.nodes[name].hits += 1
        shelf.put(f"scan {n}", entry(), 1)
    assert set(hot) <= set(shelf.nodes)


def test_shelves_share_the_bytes() -> None:
    tier = room_for(2)
    one, other = tier.shelf(), tier.shelf()
    one.put("a", entry(), 1)
    other.put("a", entry(), 1)
    other.put("b", entry(), 1)
    assert (list(one.nodes), list(other.nodes), len(tier)) == ([], ["a", "b"], 2)


def test_an_entry_larger_than_the_tier_is_not_kept_and_removes_only_its_older_version() -> None:
    tier = room_for(2)
    shelf = tier.shelf()
    shelf.put("a", entry(), 1)
    shelf.put("b", entry(), 1)
    assert shelf.put("a", entry("v2", 10_000), 2)
    assert list(shelf.nodes) == ["b"]


def test_an_older_order_never_replaces() -> None:
    shelf = room_for(2).shelf()
    assert shelf.put("a", entry("v2"), 2)
    assert not shelf.put("a", entry("v1"), 1)
    assert shelf.nodes["a"].version == "v2"


def test_hits_are_counted_through_marking_and_eviction() -> None:
    tier = room_for(2)
    shelf = tier.shelf()
    for n in range(50):
        shelf.put(str(n), entry(), 1)
        shelf.nodes[str(n)].hits += 3
    assert shelf.hits == 150


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "mark", "discard", "clear"]),
        st.integers(0, 1),
        st.sampled_from("abcdefgh"),
        st.integers(0, 3000),
        st.integers(0, 5),
    ),
    max_size=200,
)


@given(steps)
def test_bytes_and_links_are_right_after_any_steps(steps: list) -> None:
    tier = LocalTier(4 * (1000 + OVERHEAD_BYTES))
    shelves: list[Shelf] = [tier.shelf(), tier.shelf()]
    for step, which, name, size, order in steps:
        shelf = shelves[which]
        if step == "put":
            before = shelf.nodes.get(name)
            stored = shelf.put(name, entry(size=size), order)
            assert stored == (before is None or before.order <= order)
        elif step == "mark" and name in shelf.nodes:
            shelf.nodes[name].hits += 1
        elif step == "discard":
            shelf.discard(name)
        elif step == "clear" and size < 100:
            shelf.clear()
        nodes = [node for shelf in shelves for node in shelf.nodes.values()]
        assert tier.bytes == sum(node.cost for node in nodes) <= tier.max_bytes
        assert sorted(order_of(tier)) == sorted(node.uniqueness for node in nodes)
