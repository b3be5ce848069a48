"""What brings an instance back to how it was. What is done with it stands in ../test_execute.py."""

from lifecycle.examples import container, policy, running, spec_of, wanted, without
from msgspec.structs import replace

from wb_cli.engine.types import NetworkSpec, ObservedNetwork, State
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.plan import CreateNetwork, RemoveNetwork
from wb_cli.lifecycle.planning.undo import plan_undo

BEFORE = running(wanted())
UNSUPERVISED = running(wanted(restart="no"))


def back(before: ObservedInstance, now: ObservedInstance, *kept: str) -> list[str]:
    return [str(operation) for operation in plan_undo(before, now, kept)]


def test_where_nothing_changed_nothing_is_undone() -> None:
    assert back(BEFORE, BEFORE) == []


def test_a_replaced_part_is_brought_back() -> None:
    old = container(
        spec_of(wanted(), "demo"), name="demo-previous", id="id-demo", state=State.EXITED
    )
    new = container(spec_of(wanted(), "demo"), id="new")
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
    down = container(spec_of(wanted(), "demo"), state=State.EXITED)
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
    ended = container(spec_of(wanted(restart="no"), "demo-valkey"), state=State.EXITED)
    assert policy(ended) == "no"
    assert back(UNSUPERVISED, running(wanted(restart="no"), ended), "demo-valkey") == [
        "remove demo-valkey",
        "make demo-valkey again",
        "start demo-valkey again",
    ]


OLDER = replace(
    UNSUPERVISED, networks=(ObservedNetwork("older", "demo", ("172.18.0.0/16",), {"a": "b"}),)
)
NAMES = ("demo-postgres", "demo-valkey", "demo")


def test_a_network_that_is_gone_is_made_again_for_what_is_made_again() -> None:
    now = replace(OLDER, containers=(), networks=())
    (network, *rest) = plan_undo(OLDER, now, NAMES)
    assert isinstance(network, CreateNetwork)
    assert network.spec == NetworkSpec("demo", "172.18.0.0/16", {"a": "b"})
    assert [str(operation) for operation in rest][:2] == [
        "make demo-valkey again",
        "start demo-valkey again",
    ]


def test_a_new_network_serves_what_is_made_again_if_the_old_one_is_gone() -> None:
    new = (ObservedNetwork("net-2", "demo"), ObservedNetwork("net-3", "demo"))
    now = replace(OLDER, containers=(), networks=new)
    operations = plan_undo(OLDER, now, NAMES)
    assert operations[0] == RemoveNetwork("net-3", "demo")
    assert not any(isinstance(operation, CreateNetwork) for operation in operations)


def test_a_new_network_goes_if_the_old_one_is_there() -> None:
    new = ObservedNetwork("net-2", "demo")
    now = replace(OLDER, containers=(), networks=(*OLDER.networks, new))
    assert plan_undo(OLDER, now, NAMES)[0] == RemoveNetwork("net-2", "demo")
