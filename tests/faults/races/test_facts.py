"""The rules by which the race judges answers, and a check that it would find errors."""

from collections.abc import Callable

import orjson
import pytest
from faults.races.driver import Plan
from faults.races.facts import Events, Fact, Rising
from faults.races.readers import Judge
from faults.races.shown import IncompleteError, Page, items_of
from faults.races.stack import is_complaint
from faults.races.wire import Reply
from faults.races.world import HALVES, STILL, World, config, months


def known(*writes: tuple[object, int | None]) -> Fact:
    """A fact with these values. Each is known from a time on, or not known yet."""
    fact = Fact("it")
    for value, known_at in writes:
        fact.begin(value).known_at = known_at
    return fact


@pytest.mark.parametrize(
    ("value", "asked_at", "is_right"),
    [
        ("old", 9, True),  # asked before the new one was known
        ("new", 9, True),  # and might already see it
        ("next", 9, True),
        ("old", 10, False),  # asked when it was known
        ("new", 10, True),
        ("next", 10, True),  # under way: it may be there
        ("first", 9, False),
        ("never written", 10, False),
    ],
)
def test_a_value_is_right_until_a_later_one_is_known(value, asked_at, is_right) -> None:
    fact = known(("first", 0), ("old", 5), ("new", 10), ("next", None))
    assert (fact.find(value, asked_at) is not None) is is_right


def test_a_value_that_was_seen_is_known_to_all_once_the_bound_is_over() -> None:
    fact = known(("old", 0), ("under way", None))
    seen = fact.find("under way", asked_at=1)
    assert seen
    assert fact.find("old", asked_at=2)
    seen.know(now=3)
    assert fact.find("old", asked_at=2)
    assert fact.find("old", asked_at=3) is None
    assert fact.complaint("old", asked_at=3) == (
        "it is 'old', and was one of ['under way'] when asked for"
    )


def test_the_server_that_wrote_a_value_shows_it_at_once() -> None:
    fact = known(("old", 0), ("new", None))
    fact.writes[-1].known_to[9001] = 5
    assert fact.find("old", asked_at=5, port=9001) is None
    assert fact.find("old", asked_at=4, port=9001)
    assert fact.find("old", asked_at=5, port=9002)


def test_a_write_whose_end_is_not_known_is_over_once_a_later_one_is_known() -> None:
    fact = known(("old", 0), ("lost", None), ("new", 5))
    assert fact.find("lost", asked_at=4)
    assert fact.find("lost", asked_at=6) is None


class Noting(Events):
    """Notes what would be known later."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[object] = []

    def later(self, note: Callable[[int], None], _bound_s: float = 0) -> None:
        self.noted.append(note)


def judged(world: World, value: str, port: int) -> tuple[list[str], list[object]]:
    """The complaints of an answer that shows this label, and what is noted for later."""
    events = Noting()
    judge = Judge(world, events, lambda _: False)
    page = Page("/", lambda body: {f"module {STILL}": body})
    judge.judge(page, Reply(200, {"etag": value}, orjson.dumps(value)), events.now(), None, port)
    return judge.violations, events.noted


def test_what_is_hidden_is_known_to_none_before_a_clear_and_to_the_cleared_after_it() -> None:
    world = World()
    old, new = f"Module {STILL} 0", f"Module {STILL} 1"
    write = world[f"module {STILL}"].begin(new)

    assert judged(world, new, port=9001) == ([], [])  # it says nothing of the others
    assert judged(world, old, port=9001) == ([], [])
    write.known_to[9001] = 0
    assert judged(world, old, port=9002) == ([], [])
    complaints, _ = judged(world, old, port=9001)

    assert complaints == [f"/ 200 {old}: {world[f'module {STILL}'].complaint(old, 1, 9001)}"]


def test_a_version_never_goes_back() -> None:
    version = Rising("it")
    version.note("b", 5)
    version.note("c", 8)
    assert version.judge("a", asked_at=4) is None
    assert version.judge("b", asked_at=7) is None
    assert version.judge("b", asked_at=8) == "it is b, and was c when asked for"


def test_a_version_never_goes_back_behind_what_its_own_server_gave() -> None:
    version = Rising("it")
    version.note("b", 5, port=9001)
    assert version.judge("a", asked_at=5, port=9001) == "it is a, and was b when asked for"
    assert version.judge("a", asked_at=5, port=9002) is None


def items(a: float, b: float, *, without: int = 0) -> bytes:
    """The body of items whose halves are in these states."""
    rows = [
        {"half": half, "period_id": month, "count": count}
        for half, count in zip(HALVES, (a, b), strict=True)
        for month in months("runs")
    ]
    return orjson.dumps({"fetchConfig": config(3), "items": rows[without:]})


def test_half_of_a_run_is_right_only_before_the_run_is_settled() -> None:
    page = items_of("runs-0")
    shown = {"config runs-0": 3, "results runs a": 1, "results runs b": 2}
    assert page.shown(items(1, 2), is_settled=False) == shown
    with pytest.raises(IncompleteError):
        page.shown(items(1, 2), is_settled=True)


def test_a_part_of_a_half_is_never_right() -> None:
    with pytest.raises(IncompleteError):
        items_of("runs-0").shown(items(1, 1, without=1), is_settled=False)


def test_a_seed_determines_the_plan() -> None:
    assert Plan.of(7, 20_000, 60) == Plan.of(7, 20_000, 60)
    assert Plan.of(7, 20_000, 60) != Plan.of(8, 20_000, 60)
    assert Plan.of(7, 1, 1).dice("x").random() == Plan.of(7, 2, 2).dice("x").random()


@pytest.mark.parametrize(
    ("line", "is_wrong"),
    [
        ("GET /api/projects failed: KeyError('a')", True),
        ("[Workers] 2 was ended by SIGSEGV. Another takes its place", True),
        ("[Workers] 1 ended with status 0. Another takes its place", True),
        ("[Workers] 2 of them", False),
        ("[Workers] The parent of worker 1 is gone", False),  # it was killed
    ],
)
def test_a_worker_that_ends_by_itself_is_found_although_its_siblings_answer(line, is_wrong) -> None:
    assert is_complaint(line) is is_wrong
