"""Plans, compared as whole texts: a fresh start, changes, drift, restart."""

from typing import Any

import pytest
from lifecycle.examples import SETTINGS, SUBNET, container, running, spec_of, wanted, without
from lifecycle.plan_texts import (
    IMAGES,
    aside,
    created,
    everything,
    fresh,
    gone,
    lines,
    put_aside,
    replaced,
    run,
    started,
    supervised,
    text,
)
from msgspec.structs import replace

from wb_cli.engine.types import ImageInfo, State
from wb_cli.lifecycle.planning.desired import Desired
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.plan import Stop
from wb_cli.lifecycle.planning.reconcile import plan_restart, plan_run, plan_stop
from wb_cli.secret import Secret


def test_a_fresh_start_makes_the_network_then_postgres_and_valkey_then_the_platform() -> None:
    plan = plan_run(wanted(), ObservedInstance(), SUBNET)
    assert str(plan) == lines(
        "network: not there",
        "  create network demo",
        everything("not there"),
    )
    assert [[lane.subject for lane in stage] for stage in plan.stages] == [
        ["network"],
        ["postgres"],
        ["postgres", "valkey and platform"],  # side by side
        ["platform", "postgres", "valkey"],
    ]


def patient(current: ObservedInstance) -> ObservedInstance:
    """The image of the platform says that its program waits for its database."""
    image = ImageInfo(f"sha256:{IMAGES['demo']}", waits_for_database=True)
    return replace(current, images={**current.images, IMAGES["demo"]: image})


def test_a_platform_that_waits_for_its_database_starts_right_after_valkey() -> None:
    plan = plan_run(wanted(), patient(ObservedInstance()), SUBNET)
    assert str(plan) == lines(
        "network: not there",
        "  create network demo",
        *("postgres: not there", created("demo-postgres")),
        *("postgres: created", started("demo-postgres")),
        *("valkey and platform: not there", created("demo-valkey"), created("demo")),
        *("  start demo-valkey", "  start demo", "  wait until demo-valkey is ready"),
        *("platform: started", "  wait until demo is ready", supervised("demo")),
        *("postgres: ready", supervised("demo-postgres")),
        *("valkey: ready", supervised("demo-valkey")),
    )
    assert [[lane.subject for lane in stage] for stage in plan.stages] == [
        ["network"],
        ["postgres"],
        ["postgres", "valkey and platform"],
        ["platform", "postgres", "valkey"],
    ]
    assert plan.reasons == ()


def test_it_starts_so_in_a_restart_too() -> None:
    every = wanted()
    told = str(plan_restart(every, patient(running(every)), ""))
    assert "  start demo-valkey\n  start demo\n  wait until demo-valkey is ready\n" in told


def test_it_does_not_start_before_an_admin_server() -> None:
    every, nothing = wanted(admin_version="2.0"), ObservedInstance()
    assert run(every, patient(nothing)) == run(every, nothing)


def test_it_waits_for_a_database_that_was_there_as_any_platform_does() -> None:
    every = wanted()
    current = without(running(every), "demo", "demo-valkey")
    assert run(every, patient(current)) == run(every, current)


def test_the_admin_server_starts_after_the_databases_and_before_the_platform() -> None:
    plan = plan_run(wanted(admin_version="2.0"), ObservedInstance(), SUBNET)
    assert [[lane.subject for lane in stage] for stage in plan.stages] == [
        ["network"],
        ["postgres"],
        ["postgres", "valkey and platform"],
        ["admin"],
        ["platform", "postgres", "valkey"],
    ]


def test_a_receiver_of_wal_starts_beside_the_platform_which_does_not_wait_for_it() -> None:
    plan = plan_run(wanted(point_in_time=True), ObservedInstance(), SUBNET)
    assert [[lane.subject for lane in stage] for stage in plan.stages] == [
        ["network"],
        ["postgres"],
        ["postgres", "valkey and platform"],
        ["platform", "wal", "postgres", "valkey"],
    ]


def test_a_receiver_of_wal_that_is_gone_is_made_again_and_nothing_else() -> None:
    every = wanted(point_in_time=True)
    plan = plan_run(every, without(running(every), "demo-wal"), SUBNET)
    assert str(plan) == lines("wal: not there", fresh("demo-wal", "postgres:17.4"))


def test_postgres_stops_before_its_receiver_which_then_has_the_last_of_the_wal() -> None:
    every = wanted(point_in_time=True)
    stops = [op for op in plan_stop("demo", running(every)).operations if isinstance(op, Stop)]
    assert [stop.name for stop in stops] == [
        "demo", "demo-postgres", "demo-wal", "demo-valkey",
    ]  # fmt: skip


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
    "memory": ({"memory": 2**30}, replaced("platform: memory set to 1g")),
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
            "valkey: command 1g -> 2g",
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
            created("demo-postgres"),
            started("demo-postgres"),
            "platform: ports 9001:8000 -> 9002:8000",
            aside("demo"),
            fresh("demo"),
            "postgres: ready",
            supervised("demo-postgres"),
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


def test_an_undeclared_admin_server_is_removed_once_the_platform_runs_without_it() -> None:
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


def as_another_release_made_it(desired: Desired) -> ObservedInstance:
    """An instance whose containers were made with another default, but the same declaration."""
    spec = spec_of(desired, "demo-postgres")
    made = container(spec)
    older = made.labels["wb.spec"].replace('"shared memory":"268435456"', '"shared memory":"64"')
    assert older != made.labels["wb.spec"]
    return running(desired, replace(made, labels={**made.labels, "wb.spec": older}))


def with_tag_pulled_again(desired: Desired) -> ObservedInstance:
    image = spec_of(desired, "demo").image
    current = running(desired)
    return replace(current, images={**current.images, image: ImageInfo("sha256:newer")})


def test_run_shows_another_release_s_defaults_as_drift_and_does_not_apply_them() -> None:
    plan = plan_run(wanted(), as_another_release_made_it(wanted()), SUBNET)
    assert plan.is_empty
    assert str(plan) == text("""
        nothing to do
        drift: postgres: shared memory 64 -> 256m (applied by restart)
    """)


def test_a_tag_that_was_pulled_again_is_drift() -> None:
    assert run(wanted(), with_tag_pulled_again(wanted())) == lines(
        "nothing to do",
        f"drift: platform: {IMAGES['demo']} is another image now (applied by restart)",
    )


def test_drift_of_both_kinds_is_named_once_for_each_part() -> None:
    drifted = as_another_release_made_it(wanted())
    images = {**drifted.images, "postgres:17.4": ImageInfo("sha256:newer")}
    plan = plan_run(wanted(), replace(drifted, images=images), SUBNET)
    assert plan.drift == ("postgres: shared memory 64 -> 256m, postgres:17.4 is another image now",)


def test_a_replacement_applies_the_drift_of_its_part_too() -> None:
    changed = wanted(postgres_bind_address="0.0.0.0")
    plan = plan_run(changed, as_another_release_made_it(wanted()), SUBNET)
    assert not plan.drift
    assert str(plan).startswith(
        "postgres: ports 127.0.0.1:19001:5432 -> 0.0.0.0:19001:5432, shared memory 64 -> 256m\n"
    )


@pytest.mark.parametrize("drifted", [as_another_release_made_it, with_tag_pulled_again])
def test_restart_applies_drift_by_making_everything_anew(drifted: Any) -> None:
    plan = plan_restart(wanted(), drifted(wanted()), SUBNET)
    assert not plan.drift
    assert str(plan) == RESTART


RESTART = lines(
    put_aside("demo", "demo-postgres", "demo-valkey"),
    everything("restart"),
    gone("demo"),
    gone("demo-postgres"),
    gone("demo-valkey"),
)


def test_restart_keeps_the_old_containers_until_the_new_ones_are_ready() -> None:
    plan = plan_restart(wanted(), running(wanted()), SUBNET)
    assert str(plan) == RESTART
    assert [lane.subject for lane in plan.cleanup] == [
        "demo-previous",
        "demo-postgres-previous",
        "demo-valkey-previous",
    ]


def test_restart_of_a_stopped_instance_starts_it() -> None:
    plan = str(plan_restart(wanted(), ObservedInstance(), SUBNET))
    assert plan == run(wanted(), ObservedInstance()).replace("not there", "restart").replace(
        "network: restart", "network: not there"
    )


def test_restart_first_removes_the_leftovers_of_an_interrupted_run() -> None:
    previous = container(spec_of(wanted(), "demo"), "demo-previous", state=State.EXITED)
    assert str(plan_restart(wanted(), running(wanted(), previous), SUBNET)) == lines(
        "demo-previous: left over from an interrupted run",
        "  stop demo-previous (at most 10 s)",
        "  remove demo-previous",
        RESTART,
    )


def test_restart_does_not_end_the_supervision_of_a_container_without_one() -> None:
    previous = container(spec_of(wanted(), "demo"), "demo-previous", state=State.EXITED)
    current = without(running(wanted(), previous), "demo")
    current = replace(current, policies={**current.policies, previous.id: "no"})
    plan = str(plan_restart(wanted(), current, SUBNET))
    everything_aside = put_aside("demo", "demo-postgres", "demo-valkey")
    assert plan == RESTART.replace(everything_aside, put_aside("demo-postgres", "demo-valkey"))


def test_a_platform_stops_first_if_it_has_the_port_that_postgres_gets() -> None:
    plan = run(wanted(port=24040), running(wanted(port=34040)))
    assert plan.splitlines()[:4] == [
        "platform: ports 34040:8000 -> 24040:8000",
        "  stop demo (at most 10 s)",
        "  set restart policy of demo to no",
        "  rename demo to demo-previous",
    ]
    assert plan.index("create demo from") > plan.index("rename demo to demo-previous")
    assert plan.endswith(gone("demo"))


def test_a_platform_without_the_port_of_postgres_serves_until_postgres_is_ready() -> None:
    plan = run(wanted(port=24040), running(wanted(port=24041)))
    assert plan.index("wait until demo-postgres is ready") < plan.index("stop demo (")
