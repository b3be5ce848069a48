"""What addresses mean, for as long as nothing has changed that this was read from."""

from wb_cli.server.results.addresses import WANTED_FOR_S, Address, Addresses, Notebook
from wb_cli.server.results.names import CacheKey


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Heard:
    """A notebook whose database is heard for one second, and what it said is stale."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.stale: list[list[bytes]] = []
        self.notebook = Notebook(self.clock, lambda some: self.stale.append([a.path for a in some]))
        self.notebook.hears_until(self.clock.now + 1)
        self.addresses = Addresses(self.clock, most=3)

    def mark(self):
        mark = self.notebook.mark()
        assert mark
        return mark

    def remember(self, path: bytes, object_id: str | None = "o", version: str = "1", mark=None):
        key = CacheKey("c", path.decode(), version)
        address = Address(path, key, no_query, None, object_id)
        self.addresses.remember(address, mark or self.mark())
        return address


async def no_query():
    raise AssertionError


def test_an_address_is_known_once_it_is_remembered():
    heard = Heard()

    assert heard.addresses.find(b"/a") is None
    address = heard.remember(b"/a")

    assert heard.addresses.find(b"/a") is address
    assert heard.addresses.find(b"/b") is None


def test_nothing_is_marked_before_the_database_is_heard():
    notebook = Notebook(Clock(), lambda _: None)

    assert notebook.mark() is None


def test_nothing_is_known_any_more_when_no_proof_came_in_time():
    heard = Heard()
    heard.remember(b"/a")

    heard.clock.now += 1

    assert heard.addresses.find(b"/a") is None
    assert heard.notebook.mark() is None


def test_a_proof_that_comes_again_in_time_prolongs_what_is_known():
    heard = Heard()
    address = heard.remember(b"/a")

    heard.clock.now += 0.9
    heard.notebook.hears_until(heard.clock.now + 1)
    heard.clock.now += 0.9

    assert heard.addresses.find(b"/a") is address


def test_a_change_of_an_object_concerns_only_its_own_addresses():
    heard = Heard()
    heard.remember(b"/a", "a")
    other = heard.remember(b"/b", "b")

    heard.notebook.heard("a")

    assert heard.addresses.find(b"/a") is None
    assert heard.addresses.find(b"/b") is other


def test_a_change_of_anything_concerns_all_addresses():
    heard = Heard()
    heard.remember(b"/a", "a")
    heard.remember(b"/metric", None)

    heard.notebook.heard(None)

    assert heard.addresses.find(b"/a") is heard.addresses.find(b"/metric") is None


def test_a_change_of_an_object_does_not_concern_what_no_object_stands_for():
    heard = Heard()
    metric = heard.remember(b"/metric", None)

    heard.notebook.heard("a")

    assert heard.addresses.find(b"/metric") is metric


def test_what_was_read_before_a_change_is_not_remembered_after_it():
    heard = Heard()
    mark = heard.mark()
    heard.notebook.heard("another")

    heard.remember(b"/a", mark=mark)

    assert heard.addresses.find(b"/a") is None


def test_what_was_read_before_a_change_takes_the_place_of_nothing_newer():
    heard = Heard()
    mark = heard.mark()
    heard.notebook.heard("o")
    newer = heard.remember(b"/a", version="2")
    heard.remember(b"/a", version="1", mark=mark)

    assert heard.addresses.find(b"/a") in (None, newer)


def test_a_lost_connection_ends_all_knowledge_also_after_it_is_there_again():
    heard = Heard()
    heard.remember(b"/a")
    mark = heard.mark()

    heard.notebook.went_deaf()
    assert heard.addresses.find(b"/a") is None
    heard.notebook.hears_until(heard.clock.now + 1)
    assert heard.addresses.find(b"/a") is None
    heard.remember(b"/b", mark=mark)

    assert heard.addresses.find(b"/b") is None


def test_addresses_in_use_are_told_as_stale_and_the_others_are_not():
    heard = Heard()
    heard.remember(b"/used")
    heard.remember(b"/unused")
    heard.addresses.find(b"/used")

    heard.notebook.heard(None)

    assert heard.stale == [[b"/used"]]


def test_an_address_that_was_used_once_is_not_told_for_ever():
    heard = Heard()
    heard.remember(b"/used")
    heard.addresses.find(b"/used")

    for _ in range(3):
        heard.notebook.heard(None)

    assert heard.stale == [[b"/used"]]


def test_a_later_meaning_keeps_the_count_of_uses():
    heard = Heard()
    first = heard.remember(b"/a")
    for _ in range(8):
        heard.addresses.find(b"/a")
    heard.notebook.heard("o")

    second = heard.remember(b"/a", version="2")

    assert (first.hits, second.hits) == (4, 4)
    assert heard.addresses.find(b"/a") is second


def test_the_oldest_address_goes_when_there_are_too_many():
    heard = Heard()
    for number in range(5):
        heard.remember(b"/%d" % number, str(number))

    known = [number for number in range(5) if heard.addresses.find(b"/%d" % number)]

    assert known == [2, 3, 4]
    assert len(heard.addresses) == 3
    heard.notebook.heard("0")  # what is dropped is no longer noted either
    assert heard.stale == []


def test_a_database_is_wanted_until_nobody_asked_for_a_minute():
    heard = Heard()
    heard.remember(b"/a")
    heard.clock.now += WANTED_FOR_S - 1
    heard.notebook.hears_until(heard.clock.now + 1)
    heard.addresses.find(b"/a")

    heard.clock.now += WANTED_FOR_S - 1
    assert heard.notebook.is_wanted()
    heard.clock.now += 1

    assert not heard.notebook.is_wanted()
