"""The progress of the warm-up."""

import pytest

from wb_cli.server.warmup.progress import Phase, Progress, Tally


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def progress(clock):
    return Progress(clock)


def test_ready_means_the_l2_part_is_done_and_warm_that_all_is(progress):
    seen = []
    for phase in (Phase.VERSIONS, Phase.L2, Phase.DATABASE, Phase.DONE):
        progress.enter(phase)
        seen.append((progress.is_ready, progress.is_warm))

    assert seen == [(False, False), (False, False), (True, False), (True, True)]


def test_the_estimate_follows_from_the_pace_of_the_loads_alone(progress, clock):
    progress.tallies["p"] = Tally("P", entries=110, from_l2=10)
    progress.enter(Phase.L2)
    assert progress.remaining_s is None
    progress.enter(Phase.DATABASE)
    assert progress.remaining_s is None

    clock.now += 4
    progress.tallies["p"].from_database = 20

    assert progress.remaining_s == pytest.approx(80 * 4 / 20)


def test_waiting_for_the_database_is_not_counted_as_warming(progress, clock):
    clock.now += 50
    progress.enter(Phase.VERSIONS)
    clock.now += 2
    progress.enter(Phase.L2)
    clock.now += 3

    assert progress.elapsed_s == pytest.approx(5)


def test_the_time_stands_still_when_the_warm_up_is_done(progress, clock):
    progress.enter(Phase.VERSIONS)
    clock.now += 2
    progress.enter(Phase.DONE)
    clock.now += 1000

    assert progress.elapsed_s == pytest.approx(2)
    assert progress.remaining_s == 0


def test_failed_entries_are_done_with_but_counted_apart(progress):
    progress.tallies["a"] = Tally("A", objects=2, entries=3, from_l2=1, failed=1)
    progress.tallies["b"] = Tally("B", objects=1, entries=3, from_database=3, skipped=1)

    report = progress.report()

    assert report["done"] == 5
    assert report["failed"] == 1
    assert (report["objects"], report["skipped"], report["entries"]) == (3, 1, 6)
    assert (report["fromL2"], report["fromDatabase"]) == (1, 3)
