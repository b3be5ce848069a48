"""What brings an instance back to how it was. What is done with it stands in ../test_execute.py."""

from lifecycle.examples import container, part, policy, running, wanted, without
from msgspec.structs import replace

from wb_cli.engine.types import ObservedNetwork, State
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.undo import plan_undo

BEFORE = running(wanted())
UNSUPERVISED = running(wanted(restart="no"))


def back(before: ObservedInstance, now: ObservedInstance, *kept: str) -> list[str]:
    return [str(operation) for operation in plan_undo(before, now, kept)]


def test_where_nothing_changed_nothing_is_undone() -> None:
    assert back(BEFORE, BEFORE) == []


def test_a_replaced_part_is_brought_back() -> None:
    old = container(part(wanted(), "demo"), name="demo-previous", id="id-demo", state=State.EXITED)
    new = container(part(wanted(), "demo"), id="new")
    now = running(wanted(), new, old)
    now = replace(now, policies={**now.policies, "id-demo": "no"})
    assert back(BEFORE, now) == [
        "stop demo (at most 10 s)",
        "remove demo",
        "set restart policy of demo-previous to always",
        "rename demo-previous to demo",
        "start demo again",
    ]


def test_a_network_that_was_made_is_removed() -> None:
    made = ObservedNetwork("net-2", "demo")
    assert back(BEFORE, replace(BEFORE, networks=(*BEFORE.networks, made))) == [
        "remove network demo"
    ]


def test_what_was_down_is_stopped_again() -> None:
    down = container(part(wanted(), "demo"), state=State.EXITED)
    assert back(running(wanted(), down), BEFORE) == ["stop demo (at most 10 s)"]


def test_what_somebody_removed_meanwhile_cannot_be_started_again() -> None:
    assert back(BEFORE, without(BEFORE, "demo-valkey")) == []


def test_what_removed_itself_is_made_again_where_it_can_be() -> None:
    now = without(UNSUPERVISED, "demo-valkey")
    assert back(UNSUPERVISED, now, "demo-valkey") == [
        "make demo-valkey again",
        "start demo-valkey again",
    ]
    assert back(UNSUPERVISED, now) == []


def test_what_is_being_removed_makes_room_first() -> None:
    ended = container(part(wanted(restart="no"), "demo-valkey"), state=State.EXITED)
    assert policy(ended) == "no"
    assert back(UNSUPERVISED, running(wanted(restart="no"), ended), "demo-valkey") == [
        "remove demo-valkey",
        "make demo-valkey again",
        "start demo-valkey again",
    ]
