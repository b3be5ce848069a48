"""Who is judged worse: a planted fault is found, and no clean rollout is stopped.

The answer times are drawn from distributions with heavy tails, over an hour that gets busier or
calmer for all. Memory grows with the age of a process. A warm-up is slower beside others.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from wb_cli.upgrade.figures import WarmUp, Window
from wb_cli.upgrade.judging import Judgement, Verdict, Watched, judge

INSTANCES, BATCH, SPANS, ANSWERS, MINUTES = 20, 5, 10, 30, 60
# Seconds that an answer takes most often.
ENDPOINTS = {"object": 0.004, "dataset": 0.02}
OFTEN_FAILS, WARM_UPS = 0.002, (WarmUp(9.0, 500), WarmUp(2.0, 500))


@dataclass
class Fleet:
    """Instances of different speed, size and age.

    What the new version is: ``slower`` by a factor, ``fails`` more often by a share, is ``bigger``
    by a factor, and takes so many times ``longer`` for the same warm-up.
    """

    seed: int
    slower: float = 1.0
    fails: float = 0.0
    bigger: float = 1.0
    longer: float = 1.0
    tail: str = "pareto"
    knows_hour: bool = False
    chance: random.Random = field(init=False)
    sizes: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def roll_out(self) -> Iterator[Judgement]:
        """Upgrade batch by batch, and judge after each as long as there are others."""
        speeds = [self.chance.lognormvariate(0, 0.5) for _ in range(INSTANCES)]
        self.sizes = [self.chance.lognormvariate(18, 0.5) for _ in speeds]
        before = [
            [*self._serve_hour(number, speed), *self._serve(number, speed)]
            for number, speed in enumerate(speeds)
        ]
        starts = [self._warm_up(1.0) for _ in speeds]
        for done in range(BATCH, INSTANCES, BATCH):
            hour = self.chance.lognormvariate(0, 0.2)
            seen = [
                Watched(
                    f"country-{number:02}",
                    before[number],
                    self._serve(
                        number,
                        speed * hour * self.chance.lognormvariate(0, 0.05),
                        is_upgraded=number < done,
                    ),
                    (starts[number], self._warm_up(self.longer)),
                )
                for number, speed in enumerate(speeds)
            ]
            yield judge(seen[:done], seen[done:])

    def _warm_up(self, longer: float) -> WarmUp:
        """Warm up in seconds to minutes, with up to four others at the same time."""
        entries = round(self.chance.lognormvariate(7, 1.5))
        neighbours = self.chance.uniform(1.0, 1.5)
        return WarmUp(entries * 0.02 * neighbours * longer, entries)

    def _weigh(self, number: int, *, is_upgraded: bool) -> float:
        """The memory of a process: less of a young one, and a little more or less by chance."""
        young, bigger = (self.chance.uniform(0.9, 1.0), self.bigger) if is_upgraded else (1.0, 1.0)
        return self.sizes[number] * young * bigger * self.chance.lognormvariate(0, 0.03)

    def _serve_hour(self, number: int, speed: float) -> list[Window]:
        """Serve for an hour in which it is busier and calmer by turns, if that is known."""
        tides = range(MINUTES // SPANS if self.knows_hour else 0)
        each = (self._serve(number, speed * self.chance.lognormvariate(0, 0.1)) for _ in tides)
        return [window for windows in each for window in windows]

    def _serve(self, number: int, speed: float, *, is_upgraded: bool = False) -> list[Window]:
        slower, fails = (self.slower, self.fails) if is_upgraded else (1.0, 0.0)
        windows = []
        for _ in range(SPANS):
            answers = {name: max(1, round(self.chance.gauss(ANSWERS, 5))) for name in ENDPOINTS}
            seconds = {
                name: sum(ENDPOINTS[name] * speed * slower * self._draw() for _ in range(count))
                for name, count in answers.items()
            }
            requests = sum(answers.values())
            errors = sum(self.chance.random() < OFTEN_FAILS + fails for _ in range(requests))
            memory = self._weigh(number, is_upgraded=is_upgraded)
            windows.append(Window(requests, errors, seconds, answers, memory))
        return windows

    def _draw(self) -> float:
        """Draw how long an answer takes, in parts of the usual: sometimes very long."""
        usual = self.chance.lognormvariate(0, 0.6)
        if self.tail == "pareto" and self.chance.random() < 0.005:
            return usual * 10 * self.chance.paretovariate(1.1)
        if self.tail == "pauses" and self.chance.random() < 0.002:
            return usual + 50
        return usual


def judge_all(fleet: Fleet) -> list[Verdict]:
    return [judgement.verdict for judgement in fleet.roll_out()]


@pytest.mark.parametrize("knows_hour", [True, False], ids=["hour", "soak"])
@pytest.mark.parametrize("tail", ["pareto", "pauses", "none"])
@pytest.mark.parametrize("seed", range(20))
def test_a_slowdown_of_a_fifth_is_found_within_two_batches_of_five(
    seed: int, tail: str, knows_hour: bool
) -> None:
    fleet = Fleet(seed, slower=1.2, tail=tail, knows_hour=knows_hour)
    assert Verdict.WORSE in judge_all(fleet)[:2]


@pytest.mark.parametrize("knows_hour", [True, False], ids=["hour", "soak"])
@pytest.mark.parametrize("tail", ["pareto", "pauses", "none"])
@pytest.mark.parametrize("seed", range(20))
def test_a_clean_rollout_is_not_stopped(seed: int, tail: str, knows_hour: bool) -> None:
    assert set(judge_all(Fleet(seed, tail=tail, knows_hour=knows_hour))) == {Verdict.NO_WORSE}


@pytest.mark.parametrize("seed", range(20))
def test_a_version_that_fails_two_of_a_hundred_requests_is_found(seed: int) -> None:
    assert Verdict.WORSE in judge_all(Fleet(seed, fails=0.02))[:2]


@pytest.mark.parametrize("seed", range(20))
def test_a_version_that_takes_a_half_more_memory_is_found(seed: int) -> None:
    assert Verdict.WORSE in judge_all(Fleet(seed, bigger=1.5))[:2]


@pytest.mark.parametrize("seed", range(20))
def test_a_version_that_must_make_the_cache_anew_is_found(seed: int) -> None:
    assert Verdict.WORSE in judge_all(Fleet(seed, longer=30.0))[:2]


@pytest.mark.parametrize("seed", range(5))
def test_a_faster_version_is_no_worse(seed: int) -> None:
    assert set(judge_all(Fleet(seed, slower=0.7))) == {Verdict.NO_WORSE}


def serve(milliseconds: float, answers: int = 30, memory: float | None = 5e7) -> list[Window]:
    """Serve at one speed for ten spans of time."""
    seconds = answers * milliseconds / 1000
    return [Window(answers, 0, {"object": seconds}, {"object": answers}, memory)] * SPANS


def watch(before: list[Window], after: list[Window]) -> Watched:
    return Watched("demo", before, after, WARM_UPS)


def test_the_evidence_names_the_figures() -> None:
    upgraded = [watch(serve(10), serve(15 + number / 10)) for number in range(5)]
    others = [watch(serve(10), serve(10 + number / 10)) for number in range(5)]
    found = judge(upgraded, others)
    assert found.verdict is Verdict.WORSE
    said = found.describe()
    assert "worse: answer times: +49.0% than without it (p = 0.006" in said
    assert "5 of 5 upgraded and 5 others" in said
    assert "memory: +0.0% than without it (p = 1; 5 of 5 upgraded and 5 others)" in said
    assert "warm-up: -36.8% than at the start before (p = 0.99; 5 of 5 upgraded)" in said


def judge_warm_ups(before: WarmUp, after: WarmUp, upgraded: int = 8) -> Verdict:
    served = serve(10)
    others = [watch(served, served)] * 5
    return judge([Watched("demo", served, served, (before, after))] * upgraded, others).verdict


def test_a_warm_up_that_takes_twice_as_long_is_worse_once_enough_were_upgraded() -> None:
    before, after = WarmUp(60, 500), WarmUp(135, 500)
    assert judge_warm_ups(before, after) is Verdict.WORSE
    assert judge_warm_ups(before, after, upgraded=5) is Verdict.NO_WORSE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WarmUp(60, 500), WarmUp(240, 2000)),
        (WarmUp(0.3, 500), WarmUp(6, 500)),
        (WarmUp(5400, 500), WarmUp(2, 500)),
        (WarmUp(0, 0), WarmUp(0.1, 0)),
    ],
    ids=["more entries", "still short", "the first was cold", "nothing to warm"],
)
def test_a_warm_up_is_no_worse_for_what_is_not_the_fault_of_the_version(
    before: WarmUp, after: WarmUp
) -> None:
    assert judge_warm_ups(before, after) is Verdict.NO_WORSE


def test_memory_that_grows_for_all_is_no_fault_of_the_version() -> None:
    grown = [watch(serve(10), serve(10, memory=7e7 + number)) for number in range(10)]
    assert judge(grown[:5], grown[5:]).verdict is Verdict.NO_WORSE
    light = [watch(serve(10), serve(10, memory=5e7 + number)) for number in range(5)]
    assert judge(grown[:5], light).verdict is Verdict.WORSE


@pytest.mark.parametrize(
    ("upgraded", "others"),
    [
        ([], []),
        ([watch(serve(10), serve(30))] * 2, [watch(serve(10), serve(10))] * 9),
        ([watch(serve(10), serve(30))] * 9, [watch(serve(10), serve(10))] * 2),
        ([watch(serve(10), [])] * 5, [watch(serve(10), serve(10))] * 5),
        ([watch(serve(10, 1), serve(30, 1))] * 5, [watch(serve(10, 1), serve(10, 1))] * 5),
        ([watch([], serve(30))] * 5, [watch(serve(10), serve(10))] * 5),
        ([watch(serve(10), serve(10, memory=None))] * 5, [watch(serve(10), serve(10))] * 5),
    ],
    ids=[
        "none",
        "two upgraded",
        "two others",
        "never warm",
        "no traffic",
        "not seen before",
        "memory is not told",
    ],
)
def test_what_cannot_be_compared_is_not_judged(
    upgraded: list[Watched], others: list[Watched]
) -> None:
    found = judge(upgraded, others)
    assert found.verdict is Verdict.UNKNOWN
    assert "can be compared" in found.describe()
