"""Plans for containers in every state, and plans of a stop."""

from typing import Any

import pytest
from lifecycle.examples import SUBNET, container, running, spec_of, wanted, without
from lifecycle.plan_texts import aside, fresh, gone, lines, replaced, run, supervised, text
from msgspec.structs import replace

from wb_cli.engine.types import ContainerSpec, ObservedNetwork, State
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.plan import RemoveNetwork
from wb_cli.lifecycle.planning.reconcile import plan_restart, plan_run, plan_stop


def only(role_name: str, *operations: str) -> str:
    return lines(role_name, *(f"  {operation}" for operation in operations))


def found(
    state: State, status: str, *, is_stopping: bool = False, **changes: Any
) -> ObservedInstance:
    made = container(spec_of(wanted(), "demo"), state=state, status=status, is_stopping=is_stopping)
    return replace(running(wanted(), made), **changes)


AGAIN = ("start demo", "wait until demo is ready", "set restart policy of demo to always")
STATES: dict[str, tuple[ObservedInstance, str]] = {
    "exited, and started again": (
        found(State.EXITED, "Exited (137) 2 minutes ago"),
        only("platform: found exited (137) 2 minutes ago", *AGAIN[:2]),
    ),
    "exited while starting": (
        found(State.EXITED, "Exited (1) 2 minutes ago", policies={"id-demo": "no"}),
        only("platform: found exited (1) 2 minutes ago", *AGAIN),
    ),
    "dead": (
        found(State.DEAD, "Dead"),
        lines("platform: found dead", "  remove demo", fresh("demo")),
    ),
    "being removed": (
        found(State.REMOVING, "Removal In Progress"),
        lines("platform: found removal in progress", "  remove demo", fresh("demo")),
    ),
    "being stopped": (
        found(State.RUNNING, "Up 1 minute", is_stopping=True),
        only("platform: it was being stopped", "stop demo (at most 10 s)", *AGAIN[:2]),
    ),
    "created, perhaps without its secret files": (
        found(State.CREATED, "Created"),
        lines(
            "platform: created but never started",
            "  stop demo (at most 10 s)",
            "  remove demo",
            fresh("demo"),
        ),
    ),
    "in a state that a newer engine invented": (
        found(State.UNKNOWN, "Hibernating"),
        only("platform: found hibernating", AGAIN[1]),
    ),
    "in such a state, the policy not yet switched": (
        found(State.UNKNOWN, "Hibernating", policies={"id-demo": "no"}),
        only("platform: found hibernating", *AGAIN[1:]),
    ),
    "paused": (found(State.PAUSED, "Up 1 minute (Paused)"), replaced("platform: paused")),
    "taken off its network": (
        running(wanted(), container(spec_of(wanted(), "demo"), networks=())),
        replaced("platform: not on the instance's network"),
    ),
    "running, the policy not yet switched": (
        found(State.RUNNING, "Up 1 second", policies={"id-demo": "no"}),
        only("platform: not yet supervised", *AGAIN[1:]),
    ),
    "in a crash loop, and started now": (
        found(State.RESTARTING, "Restarting (1) 1 second ago"),
        only(
            "platform: found restarting (1) 1 second ago",
            "stop demo (at most 10 s)",
            "set restart policy of demo to no",
            *AGAIN,
        ),
    ),
}


@pytest.mark.parametrize(("current", "expected"), STATES.values(), ids=STATES)
def test_run_brings_a_container_up_from_any_state(current: ObservedInstance, expected: str) -> None:
    assert run(wanted(), current) == expected


def test_a_stopped_container_whose_network_was_made_anew_is_replaced() -> None:
    """The engine refuses to start it, because the container knows its network by id."""
    stopped = container(spec_of(wanted(), "demo"), state=State.EXITED, networks=("pruned",))
    assert run(wanted(), running(wanted(), stopped)) == lines(
        "platform: not on the instance's network",
        "  set restart policy of demo to no",
        "  rename demo to demo-previous",
        fresh("demo"),
        gone("demo"),
    )


def test_stopped_containers_whose_network_is_gone_are_replaced_on_a_new_one() -> None:
    made = [replace(container, state=State.EXITED) for container in running(wanted()).containers]
    plan = plan_run(wanted(), running(wanted(), *made, networks=()), SUBNET)
    network, *others = plan.stages[0]
    assert (network.subject, others) == ("network", [])
    assert {lane.cause for lane in plan.stages[1]} == {"not on the instance's network"}
    assert [lane.subject for lane in plan.cleanup] == [
        "demo-postgres-previous",
        "demo-valkey-previous",
        "demo-previous",
    ]


def test_an_exited_container_whose_declaration_changed_is_not_stopped_first() -> None:
    plan = run(wanted(label="Mali"), found(State.EXITED, "Exited (0)", policies={"id-demo": "no"}))
    assert plan == lines(
        "platform: INSTANCE_NAME Demo -> Mali",
        "  rename demo to demo-previous",
        fresh("demo"),
        gone("demo"),
    )


def left_over(spec: ContainerSpec) -> Any:
    return container(spec, f"{spec.name}-previous", state=State.EXITED, status="Exited (0)")


def test_a_previous_container_is_removed_once_its_successor_is_ready() -> None:
    current = running(wanted(), left_over(spec_of(wanted(), "demo")))
    assert run(wanted(), current) == text("""
        platform: left over from an interrupted run
          wait until demo is ready
        demo-previous: left over from an interrupted run
          remove demo-previous
    """)


def test_a_previous_container_is_removed_before_its_successor_is_replaced() -> None:
    current = running(wanted(), left_over(spec_of(wanted(), "demo")))
    assert run(wanted(label="Mali"), current) == lines(
        "platform: INSTANCE_NAME Demo -> Mali",
        "  stop demo-previous (at most 10 s)",
        "  remove demo-previous",
        aside("demo"),
        fresh("demo"),
        gone("demo"),
    )


def test_a_container_that_was_only_set_aside_is_brought_back() -> None:
    current = without(running(wanted(), left_over(spec_of(wanted(), "demo"))), "demo")
    current = replace(current, policies={"id-demo-previous": "no"})
    assert run(wanted(), current) == text("""
        platform: set aside by an interrupted run
          rename demo-previous to demo
          start demo
          wait until demo is ready
          set restart policy of demo to always
    """)


def test_a_container_set_aside_for_a_change_is_kept_until_its_successor_is_ready() -> None:
    current = without(running(wanted(), left_over(spec_of(wanted(), "demo"))), "demo")
    assert run(wanted(label="Mali"), current) == lines(
        "platform: not there",
        fresh("demo"),
        "demo-previous: left over from an interrupted run",
        "  remove demo-previous",
    )


def test_a_container_set_aside_whose_network_is_gone_is_not_brought_back() -> None:
    aside = replace(left_over(spec_of(wanted(), "demo")), networks=("pruned",))
    assert run(wanted(), without(running(wanted(), aside), "demo")) == lines(
        "platform: not there",
        fresh("demo"),
        "demo-previous: left over from an interrupted run",
        "  remove demo-previous",
    )


def awake(spec: ContainerSpec, **changes: Any) -> Any:
    return container(spec, f"{spec.name}-previous", **changes)


@pytest.mark.parametrize("state", [State.RUNNING, State.PAUSED, State.RESTARTING])
def test_a_container_set_aside_that_runs_is_stopped_before_anything_else(state: State) -> None:
    changed = wanted(valkey_max_memory=2**31)
    previous = awake(spec_of(wanted(), "demo-valkey"), state=state)
    current = without(running(wanted(), previous), "demo-valkey")
    first, *_ = plan_run(changed, current, SUBNET).stages
    assert "\n".join(map(str, first)) == text("""
        demo-valkey-previous: set aside, but it runs
          set restart policy of demo-valkey-previous to no
          stop demo-valkey-previous (at most 10 s)
    """)


def test_a_container_set_aside_that_runs_beside_its_successor_is_stopped_and_removed() -> None:
    previous = awake(spec_of(wanted(), "demo-postgres"))
    assert run(wanted(), running(wanted(), previous)) == text("""
        demo-postgres-previous: set aside, but it runs
          set restart policy of demo-postgres-previous to no
          stop demo-postgres-previous (at most 30 s)
        postgres: left over from an interrupted run
          wait until demo-postgres is ready
        demo-postgres-previous: left over from an interrupted run
          remove demo-postgres-previous
    """)


def test_a_container_set_aside_that_runs_and_is_still_wanted_gets_its_name_back() -> None:
    previous = awake(spec_of(wanted(), "demo"))
    assert run(wanted(), without(running(wanted(), previous), "demo")) == text("""
        demo-previous: set aside, but it runs
          set restart policy of demo-previous to no
          stop demo-previous (at most 10 s)
        platform: set aside by an interrupted run
          rename demo-previous to demo
          start demo
          wait until demo is ready
          set restart policy of demo to always
    """)


@pytest.mark.parametrize("state", [State.DEAD, State.REMOVING])
def test_a_restart_removes_a_container_whose_removal_failed_and_does_not_set_it_aside(
    state: State,
) -> None:
    current = running(wanted(), container(spec_of(wanted(), "demo"), state=state))
    plan = plan_restart(wanted(), current, SUBNET)
    of_platform = [
        op for op in map(str, plan.operations) if op.split()[1] in {"demo", "demo-previous"}
    ]
    assert of_platform[:2] == ["remove demo", "create demo from " + spec_of(wanted(), "demo").image]
    assert "remove demo-previous" not in of_platform


def test_a_part_that_runs_with_rm_and_is_being_stopped_is_made_anew() -> None:
    seed = wanted(restart="no")
    stopping = container(spec_of(seed, "demo-valkey"), is_stopping=True)
    assert run(seed, running(seed, stopping)) == text("""
        valkey: it was being stopped
          stop demo-valkey (at most 10 s)
          remove demo-valkey
          create demo-valkey from valkey/valkey:8
          start demo-valkey
          wait until demo-valkey is ready
    """)


def test_of_networks_with_the_same_name_only_the_one_in_use_stays() -> None:
    surplus = ObservedNetwork("net-2", "demo")
    current = running(wanted())
    current = replace(current, networks=(*current.networks, surplus))
    plan = plan_run(wanted(), current, SUBNET)
    assert str(plan) == text("""
        network: made twice
          remove network demo
    """)
    assert list(plan.operations) == [RemoveNetwork("net-2", "demo")]


def test_stop_follows_the_contract_s_order_and_ends_with_the_network() -> None:
    current = running(wanted(admin_version="2.0"))
    assert str(plan_stop("demo", current)) == text("""
        demo: stop
          stop demo (at most 10 s)
        demo-admin: stop
          stop demo-admin (at most 10 s)
        demo-postgres: stop
          stop demo-postgres (at most 30 s)
        demo-valkey: stop
          stop demo-valkey (at most 10 s)
        demo: stopped
          remove demo
        demo-admin: stopped
          remove demo-admin
        demo-postgres: stopped
          remove demo-postgres
        demo-valkey: stopped
          remove demo-valkey
        network: stop
          remove network demo
    """)


def test_stop_gives_valkey_the_time_that_its_snapshot_takes() -> None:
    current = running(wanted(), stop_timeouts={"id-demo-valkey": 45})
    assert "  stop demo-valkey (at most 45 s)" in str(plan_stop("demo", current)).splitlines()


def test_stop_has_nothing_to_do_if_nothing_is_there() -> None:
    assert plan_stop("demo", ObservedInstance()).is_empty


def test_stop_removes_leftovers_and_never_started_containers_and_every_network_too() -> None:
    spec = spec_of(wanted(), "demo")
    current = ObservedInstance(
        containers=(left_over(spec), container(spec, state=State.CREATED)),
        networks=(ObservedNetwork("net-1", "demo"), ObservedNetwork("net-2", "demo")),
    )
    plan = plan_stop("demo", current)
    assert str(plan) == text("""
        demo-previous: stop
          stop demo-previous (at most 10 s)
        demo: stop
          stop demo (at most 10 s)
        demo-previous: stopped
          remove demo-previous
        demo: stopped
          remove demo
        network: stop
          remove network demo
        network: stop
          remove network demo
    """)
    assert [len(stage) for stage in plan.stages] == [1, 1, 4]


def test_postgres_and_valkey_with_restart_no_remove_themselves_and_are_never_supervised() -> None:
    seed = wanted(restart="no")
    assert [(c.name, c.auto_remove) for c in seed.containers] == [
        ("demo-postgres", True),
        ("demo-valkey", True),
        ("demo", False),
    ]
    assert run(seed, ObservedInstance()) == "\n".join(
        line
        for line in run(wanted(), ObservedInstance()).splitlines()
        if line
        not in {
            *("postgres: ready", supervised("demo-postgres")),
            *("valkey: ready", supervised("demo-valkey")),
        }
    )
    assert plan_run(seed, running(seed), SUBNET).is_empty


def test_a_container_that_runs_with_rm_is_gone_once_stopped_and_cannot_be_kept_aside() -> None:
    seed = wanted(restart="no")
    changed = wanted(restart="no", valkey_max_memory=2**31)
    assert run(changed, running(seed)) == text("""
        valkey: command 1g -> 2g
          stop demo-valkey (at most 10 s)
          remove demo-valkey
          create demo-valkey from valkey/valkey:8
          start demo-valkey
          wait until demo-valkey is ready
    """)


def test_a_change_to_rm_replaces_postgres_and_valkey() -> None:
    plan = plan_run(wanted(restart="no"), running(wanted()), SUBNET)
    assert [f"{lane.subject}: {lane.cause}" for stage in plan.stages for lane in stage] == [
        "postgres: restart always -> no",
        "valkey: restart always -> no",
    ]


def test_a_damaged_label_counts_as_another_declaration() -> None:
    made = container(spec_of(wanted(), "demo-valkey"))
    damaged = replace(made, labels={**made.labels, "wb.spec": "{", "wb.declared": ""})
    plan = run(wanted(), running(wanted(), damaged))
    assert plan.startswith("valkey: image set to valkey/valkey:8, command set to valkey-server ")


def test_the_plan_as_a_document_names_every_step_with_its_cause() -> None:
    plan = plan_run(wanted(label="Mali"), running(wanted()), SUBNET)
    document = plan.as_document()
    assert document["steps"][0] == {
        "subject": "platform",
        "cause": "INSTANCE_NAME Demo -> Mali",
        "operation": "stop demo (at most 10 s)",
    }
    assert [step["operation"] for step in document["steps"]] == [
        str(operation) for operation in plan.operations
    ]


def test_reasons_name_changed_parts_and_leave_out_new_ones() -> None:
    seed = wanted(image="wb:1.6.7")
    changed = wanted(image="wb:1.7.0")
    assert plan_run(changed, running(seed), SUBNET).reasons == ("platform: image 1.6.7 -> 1.7.0",)
    assert plan_run(seed, ObservedInstance(), SUBNET).reasons == ()
    assert plan_restart(changed, running(seed), SUBNET).reasons == ()
