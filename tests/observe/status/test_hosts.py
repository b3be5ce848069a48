"""What was seen on several hosts is put together."""

from msgspec.structs import replace

from wb_cli.errors import EngineUnreachableError
from wb_cli.instances.model import Instance
from wb_cli.observe.status.hosts import Chosen, put_together
from wb_cli.observe.status.instance_state import InstanceState, InstanceStatus

A, B = "ssh://a", "ssh://b"
DECLARED = {"mali": A, "niger": B, "chad": None}


def choose(id_: str, host: str | None) -> Chosen:
    return Chosen((Instance(id_, id_, 9000, "1", host=host),))


CHOSEN = {host: choose(id_, host) for id_, host in DECLARED.items()}


def seen(id_: str) -> InstanceStatus:
    return InstanceStatus(id_, InstanceState.RUNNING)


def test_declared_instances_come_first_by_id_each_with_its_host() -> None:
    found = put_together(
        CHOSEN, {B: [seen("niger")], A: [seen("mali"), seen("ghost")], None: [seen("chad")]},
        DECLARED,
    )  # fmt: skip
    assert [(each.id, each.host) for each in found] == [
        ("chad", None), ("mali", A), ("niger", B), ("ghost", A),
    ]  # fmt: skip


def test_a_host_that_does_not_answer_leaves_its_instances_unknown_with_the_reason() -> None:
    away = EngineUnreachableError("a is away")
    found = put_together(CHOSEN, {A: away, None: [seen("chad")]}, DECLARED)
    assert [(each.id, each.state, each.notes) for each in found] == [
        ("chad", InstanceState.RUNNING, ()),
        ("mali", InstanceState.UNKNOWN, ("a is away",)),
    ]


def test_containers_on_another_host_than_the_declared_one_are_told_in_the_one_line() -> None:
    stray = [seen("mali"), seen("chad")]
    found = put_together(CHOSEN, {A: [seen("mali")], B: stray, None: [seen("chad")]}, DECLARED)
    assert [each.id for each in found] == ["chad", "mali"]
    assert all(f"it has containers on {B}, too" in each.notes[0] for each in found)
    found = put_together(CHOSEN, {A: [seen("mali")], None: [seen("mali")]}, DECLARED)
    assert "`wb config unset mali host`" in found[0].notes[0]


def test_the_ids_of_a_host_are_those_of_its_entries() -> None:
    assert CHOSEN[A].ids == ["mali"]
    assert replace(CHOSEN[A], instances=()).ids == []
