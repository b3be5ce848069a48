"""The write queue: bounded, with one write for each key, the newest."""

from hypothesis import given
from hypothesis import strategies as st

from wb_cli.server.cache.entry import Encoding, Entry
from wb_cli.server.cache.writes import OVERHEAD_BYTES, Drop, Write, WriteQueue


def write(key: str, order: int = 1, size: int = 10) -> Write:
    return Write(key.encode(), Entry(f"v{order}", "f", bytes(size), Encoding.IDENTITY), order)


def room(*sizes: int) -> int:
    """The bytes that writes of these sizes take, with keys of one letter."""
    return sum(OVERHEAD_BYTES + 1 + size for size in sizes)


def keys(writes: list[Write]) -> list[str]:
    return [write.key.decode() for write in writes]


def test_a_newer_write_replaces_a_waiting_older_write() -> None:
    queue = WriteQueue(10_000)
    queue.offer(write("a", 1))
    queue.offer(write("b", 1))
    queue.offer(write("a", 2))
    assert [(write.key, write.order) for write in queue.take(10, 10_000)] == [(b"b", 1), (b"a", 2)]


def test_an_older_write_is_turned_away_even_when_the_newer_is_long_written() -> None:
    queue = WriteQueue(10_000)
    queue.offer(write("a", 2))
    queue.take(10, 10_000)
    queue.settle((), 1, "")
    assert not queue.offer(write("a", 1))
    assert (len(queue), queue.bytes) == (0, 0)


def test_a_failed_batch_goes_back_to_the_front_in_its_order() -> None:
    queue = WriteQueue(10_000)
    for name in "abc":
        queue.offer(write(name))
    queue.take(2, 10_000)
    queue.put_back(3, "gone")
    assert keys(queue.take(10, 10_000)) == ["a", "b", "c"]


def test_a_write_that_was_superseded_on_its_way_is_not_put_back() -> None:
    queue = WriteQueue(10_000)
    queue.offer(write("a", 1))
    queue.take(10, 10_000)
    queue.offer(write("a", 2))
    queue.put_back(3, "gone")
    assert [write.order for write in queue.take(10, 10_000)] == [2]
    assert queue.dropped.total() == 0


def test_a_write_that_never_gets_through_is_given_up_and_counted() -> None:
    queue = WriteQueue(10_000)
    queue.offer(write("a"))
    for _ in range(3):
        assert queue.take(10, 10_000)
        queue.put_back(3, "gone")
    assert (len(queue), queue.bytes, queue.dropped) == (0, 0, {"failed": 1})


def test_the_oldest_is_dropped_when_the_bytes_run_out_but_no_deletion() -> None:
    heard = []
    queue = WriteQueue(room(29, 29, 29, 0), lambda write, why: heard.append((write.key, why)))
    queue.offer(Write(b"-", None, 1))
    for n in range(10):
        queue.offer(write(str(n), size=29))
    assert keys(queue.take(10, 10_000)) == ["-", "7", "8", "9"]
    assert queue.dropped == {Drop.OVERFLOW: 7}
    assert heard == [(b"%d" % n, "the queue of writes is full") for n in range(7)]


def test_a_deletion_is_tried_until_it_arrives() -> None:
    queue = WriteQueue(10_000)
    queue.offer(Write(b"a", None, 1))
    for _ in range(10):
        assert queue.take(10, 10_000)
        queue.put_back(3, "gone")
    assert keys(queue.take(10, 10_000)) == ["a"]


def test_a_refused_write_is_tried_again_after_the_others_and_given_up_in_the_end() -> None:
    heard = []
    queue = WriteQueue(10_000, lambda write, why: heard.append((write.key, why)))
    for name in "abc":
        queue.offer(write(name))
    queue.settle(queue.take(2, 10_000)[:1], 3, "OOM")
    assert keys(queue.take(10, 10_000)) == ["c", "a"]
    queue.settle([write("a")], 3, "OOM")
    assert keys(queue.take(10, 10_000)) == ["a"]
    queue.settle([write("a")], 3, "OOM")
    assert (len(queue), queue.bytes, queue.dropped) == (0, 0, {Drop.REFUSED: 1})
    assert heard == [(b"a", "OOM")]


def test_a_refused_write_is_replaced_by_a_newer_write() -> None:
    queue = WriteQueue(10_000)
    queue.offer(write("a", 1))
    taken = queue.take(10, 10_000)
    queue.offer(write("a", 2))
    queue.settle(taken, 3, "OOM")
    assert [write.order for write in queue.take(10, 10_000)] == [2]
    assert queue.dropped.total() == 0


def test_a_batch_is_bounded_in_number_and_bytes_and_never_empty() -> None:
    queue = WriteQueue(100_000)
    for n in range(10):
        queue.offer(write(str(n), size=99))
    assert len(queue.take(4, 100_000)) == 4
    queue.settle((), 1, "")
    assert len(queue.take(10, room(99, 99, 49))) == 2
    queue.settle((), 1, "")
    assert len(queue.take(10, 1)) == 1


steps = st.lists(
    st.tuples(
        st.sampled_from(["offer", "offer", "delete", "take", "settle", "fail", "refuse"]),
        st.sampled_from("abc"),
        st.integers(1, 30),
    ),
    max_size=100,
)


@given(steps)
def test_bytes_add_up_and_orders_only_rise(steps: list) -> None:
    queue = WriteQueue(room(20, 20, 20))
    arrived: dict[bytes, int] = {}
    sent: list[Write] = []
    for step, name, order in steps:
        if step == "offer":
            queue.offer(write(name, order, size=20))
        elif step == "delete":
            queue.offer(Write(name.encode(), None, order))
        elif step == "take" and not sent:
            sent = queue.take(2, 10_000)
        elif step == "settle":
            for done in sent:
                assert done.order >= arrived.get(done.key, 0)
                arrived[done.key] = done.order
            queue.settle((), 1, "")
            sent = []
        elif step == "fail":
            queue.put_back(3, "gone")
            sent = []
        elif step == "refuse":
            queue.settle([done for done in sent if done.key == name.encode()], 3, "OOM")
            sent = []
        writes = [*queue._deletions.values(), *queue._stores.values(), *queue._sending.values()]
        assert queue.bytes == sum(write.cost for write in writes)
        unbounded = [*queue._sending.values(), *queue._deletions.values()]
        assert queue.bytes <= queue.max_bytes + sum(write.cost for write in unbounded)
