"""Plans, compared as whole texts."""

from dataclasses import replace
from textwrap import dedent
from typing import Any

import pytest
from lifecycle.examples import (
    SETTINGS,
    SUBNET,
    container,
    part,
    running,
    wanted,
    without,
)

from wb_cli.engine.types import ContainerSpec, ObservedNetwork
from wb_cli.lifecycle.desired import Desired
from wb_cli.lifecycle.reconcile import Present, plan_restart, plan_run, plan_stop
from wb_cli.secret import Secret

IMAGES = {
    "demo-postgres": "postgres:17.4",
    "demo-valkey": "valkey/valkey:8",
    "demo-admin": "timroberton/comb:wb-hmis-server-admin-v2.0",
    "demo": "timroberton/comb:wb-fastr-server-v1.6.7",
}
SECONDS = {"demo-postgres": 30}


def text(expected: str) -> str:
    return dedent(expected).strip("\n")


def fresh(name: str, image: str = "") -> str:
    """The operations that make a container, as a plan shows them."""
    return (
        f"  create {name} from {image or IMAGES[name]}\n"
        f"  start {name}\n"
        f"  wait until {name} is ready\n"
        f"  set restart policy of {name} to always"
    )


def aside(name: str) -> str:
    """The operations that keep the old container while its successor starts."""
    return (
        f"  stop {name} (at most {SECONDS.get(name, 10)} s)\n"
        f"  set restart policy of {name} to no\n"
        f"  rename {name} to {name}-previous"
    )


def gone(name: str) -> str:
    return f"{name}-previous: its successor is ready\n  remove {name}-previous"


def lines(*parts: str) -> str:
    return "\n".join(parts)


def replaced(*causes: str, name: str = "demo", image: str = "") -> str:
    """The whole plan that replaces one container."""
    return lines(*causes, aside(name), fresh(name, image), gone(name))


def run(desired: Desired, present: Present) -> str:
    return str(plan_run(desired, present, SUBNET))


def test_a_fresh_start_makes_the_network_then_postgres_and_valkey_then_the_platform() -> None:
    plan = plan_run(wanted(), Present(), SUBNET)
    assert str(plan) == lines(
        "network: not there",
        "  create network demo 10.213.0.0/26",
        "postgres: not there",
        fresh("demo-postgres"),
        "valkey: not there",
        fresh("demo-valkey"),
        "platform: not there",
        fresh("demo"),
    )
    assert [[lane.subject for lane in stage] for stage in plan.stages] == [
        ["network"],
        ["postgres", "valkey"],  # side by side
        ["platform"],
    ]


def test_the_admin_server_starts_after_the_databases_and_before_the_platform() -> None:
    plan = plan_run(wanted(admin_version="2.0"), Present(), SUBNET)
    assert [[lane.subject for lane in stage] for stage in plan.stages] == [
        ["network"],
        ["postgres", "valkey"],
        ["admin"],
        ["platform"],
    ]


def test_an_unchanged_instance_has_an_empty_plan() -> None:
    plan = plan_run(wanted(), running(wanted()), SUBNET)
    assert plan.is_empty
    assert str(plan) == "nothing to do"
    assert plan.as_document() == {"instance": "demo", "steps": [], "drift": []}


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "version": (
        {"server_version": "1.7.0"},
        replaced(
            "platform: image 1.6.7 -> 1.7.0, SERVER_VERSION 1.6.7 -> 1.7.0",
            image="timroberton/comb:wb-fastr-server-v1.7.0",
        ),
    ),
    "label": ({"label": "Mali"}, replaced("platform: INSTANCE_NAME Demo -> Mali")),
    "language": ({"french": True}, replaced("platform: INSTANCE_LANGUAGE set to fr")),
    "calendar": ({"ethiopian": True}, replaced("platform: INSTANCE_CALENDAR set to ethiopian")),
    "open access": ({"open_access": True}, replaced("platform: OPEN_ACCESS set to 1")),
    "memory": ({"memory": 2**30}, replaced("platform: memory set to 1073741824")),
    "cpus": ({"cpus": 1.5}, replaced("platform: cpus set to 1.5")),
    "bind address": (
        {"bind_address": "0.0.0.0"},
        replaced("platform: ports 127.0.0.1:9001:8000 -> 0.0.0.0:9001:8000"),
    ),
    "postgres' bind address": (
        {"postgres_bind_address": "::"},
        replaced("postgres: ports 127.0.0.1:19001:5432 -> :::19001:5432", name="demo-postgres"),
    ),
    "its own variables, whose values do not show": (
        {"env": {"STATUS_API_KEY": "open sesame"}},
        replaced("platform: STATUS_API_KEY changed"),
    ),
    "docker socket": (
        {"docker_socket": False},
        replaced("platform: mounts without /var/run/docker.sock:/var/run/docker.sock"),
    ),
    "databases": (
        {"docker_socket": False, "mount_databases": False},
        replaced(
            "platform: mounts without /mnt/demo/databases:/app/databases, "
            "/var/run/docker.sock:/var/run/docker.sock"
        ),
    ),
    "valkey's memory": (
        {"valkey_max_memory": 2**31},
        replaced(
            "valkey: command 1073741824 -> 2147483648",
            name="demo-valkey",
        ),
    ),
    "valkey's persistence": (
        {"cache_persistence": "aof"},
        replaced(
            "valkey: command with --appendonly yes --appendfsync everysec", name="demo-valkey"
        ),
    ),
    "port, of postgres too": (
        {"port": 9002},
        lines(
            "postgres: ports 19001:5432 -> 19002:5432",
            aside("demo-postgres"),
            fresh("demo-postgres"),
            "platform: ports 9001:8000 -> 9002:8000",
            aside("demo"),
            fresh("demo"),
            gone("demo-postgres"),
            gone("demo"),
        ),
    ),
    "an admin server": (
        {"admin_version": "2.0"},
        lines(
            "admin: not there",
            fresh("demo-admin"),
            "platform: ADMIN_SERVER_HOST set to http://demo-admin:8001, ADMIN_VERSION set to 2.0",
            aside("demo"),
            fresh("demo"),
            gone("demo"),
        ),
    ),
}


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_run_replaces_what_the_declaration_changes_and_says_why(
    change: dict[str, Any], expected: str
) -> None:
    assert run(wanted(**change), running(wanted())) == expected


def test_an_admin_server_that_is_no_longer_declared_goes_once_the_platform_runs_without_it() -> (
    None
):
    assert run(wanted(), running(wanted(admin_version="2.0"))) == lines(
        "platform: ADMIN_SERVER_HOST no longer set, ADMIN_VERSION no longer set",
        aside("demo"),
        fresh("demo"),
        "demo-admin: no longer declared",
        "  stop demo-admin (at most 10 s)",
        "  remove demo-admin",
        gone("demo"),
    )


SETTING_CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "postgres' image": (
        {"postgres_image": "postgres:17.5"},
        replaced("postgres: image 17.4 -> 17.5", name="demo-postgres", image="postgres:17.5"),
    ),
    "domain": (
        {"domain": "example.org"},
        replaced("platform: INSTANCE_REDIRECT_URL demo.localhost -> demo.example.org"),
    ),
    "a key that is passed on": (
        {"passed_on": {"CLERK_SECRET_KEY": Secret("open sesame")}},
        replaced("platform: CLERK_SECRET_KEY changed"),
    ),
    "a label for everything, which is no reason to replace anything": (
        {"labels": {"team": "data"}},
        "nothing to do",
    ),
}


@pytest.mark.parametrize(("change", "expected"), SETTING_CHANGES.values(), ids=SETTING_CHANGES)
def test_run_applies_changed_settings(change: dict[str, Any], expected: str) -> None:
    assert run(wanted(settings=replace(SETTINGS, **change)), running(wanted())) == expected


def as_another_release_made_it(desired: Desired) -> Present:
    """What runs was made with another default, and declared the same."""
    spec = part(desired, "demo-postgres")
    made = container(spec)
    older = made.labels["wb.spec"].replace('"shared memory":"268435456"', '"shared memory":"64"')
    assert older != made.labels["wb.spec"]
    return running(desired, replace(made, labels={**made.labels, "wb.spec": older}))


def with_tag_pulled_again(desired: Desired) -> Present:
    image = part(desired, "demo").image
    present = running(desired)
    return replace(present, image_ids={**present.image_ids, image: "sha256:newer"})


def test_another_release_s_defaults_are_drift_that_run_shows_and_leaves_alone() -> None:
    plan = plan_run(wanted(), as_another_release_made_it(wanted()), SUBNET)
    assert plan.is_empty
    assert str(plan) == text("""
        nothing to do
        drift: postgres: shared memory 64 -> 268435456 (applied by restart)
    """)


def test_a_tag_that_was_pulled_again_is_drift() -> None:
    assert run(wanted(), with_tag_pulled_again(wanted())) == lines(
        "nothing to do",
        f"drift: platform: {IMAGES['demo']} is another image now (applied by restart)",
    )


def test_drift_of_both_kinds_is_named_once_for_each_part() -> None:
    drifted = as_another_release_made_it(wanted())
    images = {**drifted.image_ids, "postgres:17.4": "sha256:newer"}
    plan = plan_run(wanted(), replace(drifted, image_ids=images), SUBNET)
    assert plan.drift == (
        "postgres: shared memory 64 -> 268435456, postgres:17.4 is another image now",
    )


def test_a_replacement_takes_the_drift_of_its_part_along() -> None:
    changed = wanted(postgres_bind_address="0.0.0.0")
    plan = plan_run(changed, as_another_release_made_it(wanted()), SUBNET)
    assert not plan.drift
    assert str(plan).startswith(
        "postgres: ports 127.0.0.1:19001:5432 -> 0.0.0.0:19001:5432, "
        "shared memory 64 -> 268435456\n"
    )


@pytest.mark.parametrize("drifted", [as_another_release_made_it, with_tag_pulled_again])
def test_restart_applies_drift_by_making_everything_anew(drifted: Any) -> None:
    plan = plan_restart(wanted(), drifted(wanted()), SUBNET)
    assert not plan.drift
    assert str(plan) == RESTART


RESTART = lines(
    "demo: restart",
    aside("demo"),
    "demo-postgres: restart",
    aside("demo-postgres"),
    "demo-valkey: restart",
    aside("demo-valkey"),
    "postgres: restart",
    fresh("demo-postgres"),
    "valkey: restart",
    fresh("demo-valkey"),
    "platform: restart",
    fresh("demo"),
    gone("demo"),
    gone("demo-postgres"),
    gone("demo-valkey"),
)


def test_restart_keeps_the_old_containers_aside_until_the_new_ones_are_ready() -> None:
    plan = plan_restart(wanted(), running(wanted()), SUBNET)
    assert str(plan) == RESTART
    assert [lane.subject for lane in plan.cleanup] == [
        "demo-previous",
        "demo-postgres-previous",
        "demo-valkey-previous",
    ]


def test_restart_of_a_stopped_instance_starts_it() -> None:
    plan = str(plan_restart(wanted(), Present(), SUBNET))
    assert plan == run(wanted(), Present()).replace("not there", "restart").replace(
        "network: restart", "network: not there"
    )


def test_restart_first_removes_what_an_interrupted_run_left_over() -> None:
    previous = container(part(wanted(), "demo"), "demo-previous", state="exited")
    assert str(plan_restart(wanted(), running(wanted(), previous), SUBNET)) == lines(
        "demo-previous: left over from an interrupted run",
        "  stop demo-previous (at most 10 s)",
        "  remove demo-previous",
        RESTART,
    )


def test_restart_does_not_undo_the_supervision_of_what_has_none() -> None:
    previous = container(part(wanted(), "demo"), "demo-previous", state="exited")
    present = without(running(wanted(), previous), "demo")
    present = replace(present, policies={**present.policies, previous.id: "no"})
    plan = str(plan_restart(wanted(), present, SUBNET))
    assert plan == RESTART.removeprefix(lines("demo: restart", aside("demo")) + "\n")


def only(role_name: str, *operations: str) -> str:
    return lines(role_name, *(f"  {each}" for each in operations))


def found(state: str, status: str, **changes: Any) -> Present:
    made = container(part(wanted(), "demo"), state=state, status=status)
    return replace(running(wanted(), made), **changes)


AGAIN = ("start demo", "wait until demo is ready", "set restart policy of demo to always")
STATES: dict[str, tuple[Present, str]] = {
    "exited, and started again": (
        found("exited", "Exited (137) 2 minutes ago"),
        only("platform: found exited (137) 2 minutes ago", *AGAIN[:2]),
    ),
    "exited while starting": (
        found("exited", "Exited (1) 2 minutes ago", policies={"id-demo": "no"}),
        only("platform: found exited (1) 2 minutes ago", *AGAIN),
    ),
    "dead": (found("dead", "Dead"), only("platform: found dead", *AGAIN[:2])),
    "created, perhaps without its secret files": (
        found("created", "Created"),
        lines("platform: created but never started", "  remove demo", fresh("demo")),
    ),
    "paused": (found("paused", "Up 1 minute (Paused)"), replaced("platform: paused")),
    "running, the policy not yet switched": (
        found("running", "Up 1 second", policies={"id-demo": "no"}),
        only("platform: not yet supervised", *AGAIN[1:]),
    ),
    "in a crash loop, which the engine goes on with": (
        found("restarting", "Restarting (1) 1 second ago"),
        "nothing to do",
    ),
}


@pytest.mark.parametrize(("present", "expected"), STATES.values(), ids=STATES)
def test_run_takes_a_container_from_the_state_it_is_found_in(
    present: Present, expected: str
) -> None:
    assert run(wanted(), present) == expected


def test_an_exited_container_whose_declaration_changed_is_not_stopped_first() -> None:
    plan = run(wanted(label="Mali"), found("exited", "Exited (0)", policies={"id-demo": "no"}))
    assert plan == lines(
        "platform: INSTANCE_NAME Demo -> Mali",
        "  rename demo to demo-previous",
        fresh("demo"),
        gone("demo"),
    )


def left_over(spec: ContainerSpec) -> Any:
    return container(spec, f"{spec.name}-previous", state="exited", status="Exited (0)")


def test_a_previous_container_goes_once_its_successor_is_ready() -> None:
    present = running(wanted(), left_over(part(wanted(), "demo")))
    assert run(wanted(), present) == text("""
        platform: left over from an interrupted run
          wait until demo is ready
        demo-previous: left over from an interrupted run
          remove demo-previous
    """)


def test_a_previous_container_makes_room_where_its_successor_is_replaced() -> None:
    present = running(wanted(), left_over(part(wanted(), "demo")))
    assert run(wanted(label="Mali"), present) == lines(
        "platform: INSTANCE_NAME Demo -> Mali",
        "  stop demo-previous (at most 10 s)",
        "  remove demo-previous",
        aside("demo"),
        fresh("demo"),
        gone("demo"),
    )


def test_a_container_that_was_only_set_aside_is_brought_back() -> None:
    present = without(running(wanted(), left_over(part(wanted(), "demo"))), "demo")
    present = replace(present, policies={"id-demo-previous": "no"})
    assert run(wanted(), present) == text("""
        platform: set aside by an interrupted run
          rename demo-previous to demo
          start demo
          wait until demo is ready
          set restart policy of demo to always
    """)


def test_one_that_was_set_aside_for_a_change_is_kept_until_its_successor_is_ready() -> None:
    present = without(running(wanted(), left_over(part(wanted(), "demo"))), "demo")
    assert run(wanted(label="Mali"), present) == lines(
        "platform: not there",
        fresh("demo"),
        "demo-previous: left over from an interrupted run",
        "  remove demo-previous",
    )


def test_networks_that_bear_the_same_name_go_but_for_the_one_in_use() -> None:
    surplus = ObservedNetwork("net-2", "demo")
    present = running(wanted())
    present = replace(present, networks=(*present.networks, surplus))
    plan = plan_run(wanted(), present, SUBNET)
    assert str(plan) == text("""
        network: made twice
          remove network demo
    """)
    assert [operation.id for operation in plan.operations] == ["net-2"]


def test_stop_follows_the_contract_s_order_and_ends_with_the_network() -> None:
    present = running(wanted(admin_version="2.0"))
    assert str(plan_stop("demo", present)) == text("""
        demo: stop
          stop demo (at most 10 s)
          remove demo
        demo-admin: stop
          stop demo-admin (at most 10 s)
          remove demo-admin
        demo-postgres: stop
          stop demo-postgres (at most 30 s)
          remove demo-postgres
        demo-valkey: stop
          stop demo-valkey (at most 10 s)
          remove demo-valkey
        network: stop
          remove network demo
    """)


def test_stop_gives_valkey_the_time_that_its_snapshot_takes() -> None:
    present = running(wanted(), stop_timeouts={"id-demo-valkey": 45})
    assert "  stop demo-valkey (at most 45 s)" in str(plan_stop("demo", present)).splitlines()


def test_stop_of_what_is_not_there_has_nothing_to_do() -> None:
    assert plan_stop("demo", Present()).is_empty


def test_stop_takes_leftovers_and_never_started_containers_and_every_network_along() -> None:
    spec = part(wanted(), "demo")
    present = Present(
        containers=(left_over(spec), container(spec, state="created")),
        networks=(ObservedNetwork("net-1", "demo"), ObservedNetwork("net-2", "demo")),
    )
    plan = plan_stop("demo", present)
    assert str(plan) == text("""
        demo-previous: stop
          stop demo-previous (at most 10 s)
          remove demo-previous
        demo: stop
          remove demo
        network: stop
          remove network demo
        network: stop
          remove network demo
    """)
    assert len(plan.stages[-1]) == 2


def test_postgres_and_valkey_with_restart_no_remove_themselves_and_are_never_supervised() -> None:
    seed = wanted(restart="no")
    assert [(c.name, c.auto_remove, c.supervised) for c in seed.containers] == [
        ("demo-postgres", True, False),
        ("demo-valkey", True, False),
        ("demo", False, True),
    ]
    assert run(seed, Present()) == "\n".join(
        line
        for line in run(wanted(), Present()).splitlines()
        if line
        not in {
            "  set restart policy of demo-postgres to always",
            "  set restart policy of demo-valkey to always",
        }
    )
    assert plan_run(seed, running(seed), SUBNET).is_empty


def test_a_container_that_runs_with_rm_is_gone_once_stopped_and_cannot_be_kept_aside() -> None:
    seed = wanted(restart="no")
    changed = wanted(restart="no", valkey_max_memory=2**31)
    assert run(changed, running(seed)) == text("""
        valkey: command 1073741824 -> 2147483648
          stop demo-valkey (at most 10 s)
          remove demo-valkey
          create demo-valkey from valkey/valkey:8
          start demo-valkey
          wait until demo-valkey is ready
    """)


def test_going_over_to_rm_replaces_postgres_and_valkey() -> None:
    plan = plan_run(wanted(restart="no"), running(wanted()), SUBNET)
    assert [f"{lane.subject}: {lane.cause}" for stage in plan.stages for lane in stage] == [
        "postgres: restart always -> no",
        "valkey: restart always -> no",
    ]


def test_a_damaged_label_counts_as_another_declaration() -> None:
    made = container(part(wanted(), "demo-valkey"))
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


def test_reasons_name_what_changed_and_pass_over_what_is_merely_new() -> None:
    seed = wanted(image="wb:1.6.7")
    changed = wanted(image="wb:1.7.0")
    assert plan_run(changed, running(seed), SUBNET).reasons == ("platform: image 1.6.7 -> 1.7.0",)
    assert plan_run(seed, Present(), SUBNET).reasons == ()
    assert plan_restart(changed, running(seed), SUBNET).reasons == ()
