"""What a plan changes, as an operator reads it."""

import pytest
from lifecycle.examples import SUBNET, container, running, spec_of, wanted, without
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.engine.types import NetworkSpec, ObservedContainer, State
from wb_cli.lifecycle.planning import plan as ops
from wb_cli.lifecycle.planning.changes import Action, Change, count_actions, list_changes
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.reconcile import plan_restart, plan_run, plan_stop


def show(plan: ops.Plan) -> list[str]:
    return [f"{change.mark} {change.part} {change}" for change in list_changes(plan)]


def test_a_fresh_start_creates_the_network_and_all_parts() -> None:
    assert show(plan_run(wanted(), ObservedInstance(), SUBNET)) == [
        "+ network create",
        "+ postgres create: from postgres:17.4",
        "+ valkey create: from valkey/valkey:8",
        "+ platform create: from timroberton/comb:wb-fastr-server-v1.6.7",
    ]


def test_the_folders_of_an_instance_that_never_ran_come_first() -> None:
    plan = replace(plan_run(wanted(), ObservedInstance(), SUBNET), new_folder="/mnt/demo")
    assert show(plan)[:2] == ["+ folders create: /mnt/demo", "+ network create"]


def test_a_changed_field_replaces_its_part_with_the_old_and_the_new_value() -> None:
    plan = plan_run(wanted(label="Mali"), running(wanted()), SUBNET)
    assert show(plan) == ["~ platform replace: INSTANCE_NAME Demo -> Mali"]


def test_a_restart_replaces_every_part() -> None:
    assert show(plan_restart(wanted(), running(wanted()), SUBNET)) == [
        "~ platform replace: from timroberton/comb:wb-fastr-server-v1.6.7",
        "~ postgres replace: from postgres:17.4",
        "~ valkey replace: from valkey/valkey:8",
    ]


def test_a_stop_removes_every_part_and_the_network() -> None:
    assert show(plan_stop("demo", running(wanted()))) == [
        "- platform remove",
        "- postgres remove",
        "- valkey remove",
        "- network remove",
    ]


def test_a_part_that_is_no_longer_declared_is_removed() -> None:
    plan = plan_run(wanted(), running(wanted(admin_version="2.0")), SUBNET)
    assert "- admin remove: no longer declared" in show(plan)


def test_a_part_that_exited_is_started_and_the_reason_says_how_it_was_found() -> None:
    ended = container(spec_of(wanted(), "demo"), state=State.EXITED, status="Exited (3) 1 hour ago")
    (change,) = list_changes(plan_run(wanted(), running(wanted(), ended), SUBNET))
    assert (change.action, change.part) == (Action.START, Part.PLATFORM)
    assert "xited (3)" in change.reason


def test_a_missing_part_alone_is_created() -> None:
    plan = plan_run(wanted(), without(running(wanted()), "demo-valkey"), SUBNET)
    assert show(plan) == ["+ valkey create: from valkey/valkey:8"]


def test_an_unchanged_instance_has_no_changes() -> None:
    assert list_changes(plan_run(wanted(), running(wanted()), SUBNET)) == ()


def one_lane(*operations: ops.Operation, cause: str = "it was asked for") -> ops.Plan:
    return ops.Plan("demo", ((ops.Lane("demo", cause, operations),),))


DEMO = spec_of(wanted(), "demo")
OLD: ObservedContainer = container(DEMO, "demo-previous", state=State.EXITED)
SINGLE: dict[str, tuple[tuple[ops.Operation, ...], str, str]] = {
    "start": ((ops.Start(DEMO),), ops.CREATED, "+ platform start"),
    "start again": ((ops.StartAgain(OLD),), "undo", "+ platform start: undo"),
    "make again": ((ops.MakeAgain(OLD),), "undo", "+ platform create: undo"),
    "stop": ((ops.Stop("demo", Part.PLATFORM, 10),), ops.STOP, "- platform stop"),
    "a guest": ((ops.Stop("helper", None, 10),), "it uses demo", "- helper stop: it uses demo"),
    "policy": (
        (ops.Await(DEMO), ops.SetRestartPolicy("demo", "always")),
        ops.READY,
        "~ platform update: set restart policy of demo to always",
    ),
    "network": (
        (ops.RemoveNetwork("n", "demo"), ops.CreateNetwork(NetworkSpec("demo", SUBNET))),
        "another range",
        "~ network replace: another range",
    ),
}


@pytest.mark.parametrize(("operations", "cause", "expected"), SINGLE.values(), ids=SINGLE)
def test_each_kind_of_operation_has_its_action(
    operations: tuple[ops.Operation, ...], cause: str, expected: str
) -> None:
    assert show(one_lane(*operations, cause=cause)) == [expected]


def test_a_part_that_is_only_awaited_does_not_change() -> None:
    assert list_changes(one_lane(ops.Await(DEMO))) == ()


def test_the_cache_that_is_carried_over_is_an_update_of_valkey() -> None:
    valkey = spec_of(wanted(), "demo-valkey")
    carrier = replace(valkey, suffix="-carrier")
    plan = one_lane(ops.Save("demo-valkey", 10), ops.CarryOver(carrier, ops.Persistence.AOF),
                    cause=ops.CARRIED)  # fmt: skip
    (shown,) = show(plan)
    assert shown == (
        "~ valkey update: save what demo-valkey caches, "
        "carry the cache of demo-valkey-carrier over from rdb to aof"
    )


def test_changes_are_counted_by_action() -> None:
    changes = [Change(Action.REMOVE, "a"), Change(Action.CREATE, "b"), Change(Action.REMOVE, "c")]
    assert count_actions(changes) == {Action.CREATE: 1, Action.REMOVE: 2}
