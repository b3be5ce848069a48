"""Who is judged worse: a planted slowdown is found, and no clean rollout is stopped.

The answer times are drawn from distributions with heavy tails, over an hour that gets busier or
calmer for all.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from wb_cli.upgrade.figures import Window
from wb_cli.upgrade.judging import Judgement, Verdict, Watched, judge

INSTANCES, BATCH, SPANS, ANSWERS, MINUTES = 20, 5, 10, 30, 60
# Seconds that an answer takes most often.
ENDPOINTS = {"object": 0.004, "dataset": 0.02}
OFTEN_FAILS, WARM_UPS = 0.002, (2.0, 9.0)


@dataclass
class Fleet:
    """Instances of different speed. ``slower`` and ``fails`` are what the new version is."""

    seed: int
    slower: float = 1.0
    fails: float = 0.0
    tail: str = "pareto"
    knows_hour: bool = False
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def roll_out(self) -> Iterator[Judgement]:
        """Upgrade batch by batch, and judge after each as long as there are others."""
        speeds = [self.chance.lognormvariate(0, 0.5) for _ in range(INSTANCES)]
        before = [[*self._serve_hour(speed), *self._serve(speed)] for speed in speeds]
        for done in range(BATCH, INSTANCES, BATCH):
            hour = self.chance.lognormvariate(0, 0.2)
            seen = [
                Watched(
                    f"country-{number:02}",
                    before[number],
                    self._serve(
                        speed * hour * self.chance.lognormvariate(0, 0.05),
                        is_upgraded=number < done,
                    ),
                    WARM_UPS,
                )
                for number, speed in enumerate(speeds)
            ]
            yield judge(seen[:done], seen[done:])

    def _serve_hour(self, speed: float) -> list[Window]:
        """Serve for an hour in which it is busier and calmer by turns, if that is known."""
        tides = range(MINUTES // SPANS if self.knows_hour else 0)
        each = (self._serve(speed * self.chance.lognormvariate(0, 0.1)) for _ in tides)
        return [window for windows in each for window in windows]

    def _serve(self, speed: float, *, is_upgraded: bool = False) -> list[Window]:
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
            windows.append(Window(requests, errors, seconds, answers))
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


@pytest.mark.parametrize("seed", range(5))
def test_a_faster_version_is_no_worse(seed: int) -> None:
    assert set(judge_all(Fleet(seed, slower=0.7))) == {Verdict.NO_WORSE}


def serve(milliseconds: float, answers: int = 30) -> list[Window]:
    """Serve at one speed for ten spans of time."""
    seconds = answers * milliseconds / 1000
    return [Window(answers, 0, {"object": seconds}, {"object": answers})] * SPANS


def watch(before: list[Window], after: list[Window]) -> Watched:
    return Watched("demo", before, after, WARM_UPS)


def test_the_evidence_names_figures_and_the_warm_up_is_only_shown() -> None:
    upgraded = [watch(serve(10), serve(15 + number / 10)) for number in range(5)]
    others = [watch(serve(10), serve(10 + number / 10)) for number in range(5)]
    found = judge(upgraded, others)
    assert found.verdict is Verdict.WORSE
    said = found.describe()
    assert "worse: answer times: +49.0% than without it (p = 0.006" in said
    assert "5 of 5 upgraded and 5 others" in said
    assert "warm-up (shown only): 9.0 s, 2.0 s at the start before" in said


def test_a_slow_warm_up_alone_stops_nothing() -> None:
    upgraded = [Watched("demo", serve(10), serve(10), (1.0, 600.0))] * 5
    others = [Watched("demo", serve(10), serve(10), (1.0, 1.0))] * 5
    assert judge(upgraded, others).verdict is Verdict.NO_WORSE


@pytest.mark.parametrize(
    ("upgraded", "others"),
    [
        ([], []),
        ([watch(serve(10), serve(30))] * 2, [watch(serve(10), serve(10))] * 9),
        ([watch(serve(10), serve(30))] * 9, [watch(serve(10), serve(10))] * 2),
        ([watch(serve(10), [])] * 5, [watch(serve(10), serve(10))] * 5),
        ([watch(serve(10, 1), serve(30, 1))] * 5, [watch(serve(10, 1), serve(10, 1))] * 5),
        ([watch([], serve(30))] * 5, [watch(serve(10), serve(10))] * 5),
    ],
    ids=["none", "two upgraded", "two others", "never warm", "no traffic", "not seen before"],
)
def test_what_cannot_be_compared_is_not_judged(
    upgraded: list[Watched], others: list[Watched]
) -> None:
    found = judge(upgraded, others)
    assert found.verdict is Verdict.UNKNOWN
    assert "can be compared" in found.describe()
