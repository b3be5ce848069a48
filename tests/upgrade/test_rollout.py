"""In which order a fleet is upgraded, and what counts as a failure."""

from wb_cli.errors import WbError
from wb_cli.lifecycle.ended import Ended
from wb_cli.upgrade.rollout import count_failures, describe_stand, split_into_batches
from wb_cli.upgrade.target import Version
from wb_cli.upgrade.upgraded import Ending, Upgraded

IDS = [f"country-{number:02}" for number in range(20)]
CANARIES = {"country-03", "country-17"}
VERSION = Version("1.7", "", "platform:1.7", "sha256:7")


def ended(id_: str, ending: Ending, *degraded: str) -> Ended[Upgraded]:
    return Ended(id_, Upgraded(ending, VERSION, VERSION, degraded=degraded))


def test_canaries_go_first_and_each_instance_once() -> None:
    batches = list(split_into_batches(IDS, CANARIES, 3, "1.7"))
    assert set(batches[0]) == CANARIES
    assert sorted(id_ for batch in batches for id_ in batch) == IDS
    assert all(len(batch) <= 3 for batch in batches)


def test_the_order_is_shuffled_and_the_same_for_the_same_version() -> None:
    order = list(split_into_batches(IDS, set(), 5, "1.7"))
    assert order == list(split_into_batches(IDS, set(), 5, "1.7"))
    assert order != list(split_into_batches(IDS, set(), 5, "1.8"))
    assert [id_ for batch in order for id_ in batch] != IDS


def test_what_failed_or_runs_degraded_counts_and_what_was_left_alone_does_not() -> None:
    endings: list[Ended[Upgraded]] = [
        Ended("a", error=WbError("it exited")),
        ended("b", Ending.UPGRADED, "no cache"),
        ended("c", Ending.FATAL),
        ended("d", Ending.WAITS),
        ended("e", Ending.UPGRADED),
    ]
    assert count_failures(endings) == 2
    said = describe_stand(endings, ["f", "g"], "2 failed, and 1 may")
    assert said == "stopped: 2 failed, and 1 may; 2 done, 2 were not begun: f, g"
