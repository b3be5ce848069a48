"""wb run on the real engine: what it replaces, what it leaves alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.platform_stand_in import Platforms
from support.wb_host import Host, free_pair_of_ports

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> Iterator[str]:
    """An instance that runs; each test leaves it running and healthy."""
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    yield id_
    shared_host.wb("stop", id_)


def plan_steps(host: Host, id_: str) -> list[dict[str, Any]]:
    return list(host.json("run", id_, "--dry-run")["instances"][0]["plan"]["steps"])


def test_run_of_an_unchanged_instance_says_so_and_touches_nothing(
    shared_host: Host, demo: str
) -> None:
    before = shared_host.state(demo)
    done = shared_host.wb("run", demo)
    assert done.stdout == f"{demo}: unchanged: http://127.0.0.1:{shared_host.port(demo)}\n"
    assert shared_host.state(demo) == before


def test_the_engine_is_asked_once_about_each_image(shared_host: Host) -> None:
    id_ = shared_host.prepare()
    told = shared_host.wb("run", id_, "-vv").stderr
    shared_host.wb("stop", id_)
    asked = re.findall(r"GET \S*/images/(\S+)/json", told)
    assert len(asked) == len(set(asked)) == 3


def test_start_is_another_word_for_run(shared_host: Host, demo: str) -> None:
    assert "unchanged" in shared_host.wb("start", demo).stdout


@pytest.mark.parametrize("command", ["run", "restart", "stop"])
def test_a_dry_run_shows_the_plan_and_makes_no_changing_call(
    shared_host: Host, demo: str, command: str
) -> None:
    before = shared_host.state(demo)
    label = shared_host.entries[demo]["label"]
    shared_host.change(demo, label="Another")
    with shared_host.events(demo) as events:
        done = shared_host.wb(command, demo, "--dry-run", "-v")
    shared_host.change(demo, label=label)
    assert f"  stop {demo} (at most 10 s)" in done.stdout
    assert f"{demo}  {'-' if command == 'stop' else '~'} platform" in done.stdout
    assert done.stdout.endswith("; nothing was changed\n")
    assert shared_host.state(demo) == before
    assert [event for event in events if not event[0].startswith("exec_")] == []


def test_the_dry_run_of_a_changed_label_names_the_cause(shared_host: Host, demo: str) -> None:
    label = shared_host.entries[demo]["label"]
    shared_host.change(demo, label="Mali")
    (cause,) = {s["cause"] for s in plan_steps(shared_host, demo) if s["subject"] == "platform"}
    shared_host.change(demo, label=label)
    assert cause == f"INSTANCE_NAME {label} -> Mali"


def test_a_changed_label_replaces_the_platform_alone(shared_host: Host, demo: str) -> None:
    before = shared_host.ids(demo)
    shared_host.change(demo, label="Mali")
    shared_host.wb("run", demo)
    after = shared_host.ids(demo)
    assert after["postgres"] == before["postgres"]
    assert after["valkey"] == before["valkey"]
    assert after["platform"] != before["platform"]
    assert len(shared_host.containers(demo)) == 3  # its predecessor is gone
    assert "INSTANCE_NAME=Mali" in shared_host.inspect(demo)["Config"]["Env"]


def test_another_image_replaces_the_platform_alone_and_is_named(
    shared_host: Host, demo: str, platforms: Platforms
) -> None:
    before = shared_host.ids(demo)
    shared_host.change(demo, image=platforms("newer"), serverVersion="1.7.0")
    done = shared_host.json("run", demo)["instances"][0]
    assert done["plan"]["steps"][0]["cause"] == (
        "image healthy -> newer, SERVER_VERSION 1.6.7 -> 1.7.0"
    )
    after = shared_host.ids(demo)
    assert {part for part in after if after[part] != before[part]} == {"platform"}
    shared_host.change(demo, image=shared_host.platform)
    shared_host.wb("run", demo)


def test_a_changed_port_keeps_valkey_and_the_network(shared_host: Host, demo: str) -> None:
    before, networks = shared_host.ids(demo), shared_host.networks(demo)
    shared_host.change(demo, port=free_pair_of_ports())
    shared_host.wb("run", demo)
    after = shared_host.ids(demo)
    assert {part for part in after if after[part] != before[part]} == {"platform", "postgres"}
    assert shared_host.networks(demo) == networks


def test_a_wider_bind_address_is_no_conflict_with_ourselves(shared_host: Host, demo: str) -> None:
    shared_host.change(demo, bindAddress="0.0.0.0")
    shared_host.wb("run", demo)
    published = shared_host.inspect(demo)["NetworkSettings"]["Ports"]["8000/tcp"]
    assert "0.0.0.0" in {port["HostIp"] for port in published}
    shared_host.change(demo, bindAddress=None)
    shared_host.wb("run", demo)


def test_what_was_stopped_behind_our_back_is_started_again_as_it_is(
    shared_host: Host, demo: str
) -> None:
    before = shared_host.ids(demo)
    shared_host.container(f"{demo}-valkey").stop()
    shared_host.wb("run", demo)
    assert shared_host.ids(demo) == before
    assert shared_host.container(f"{demo}-valkey").status == "running"


def test_what_was_paused_behind_our_back_is_replaced(shared_host: Host, demo: str) -> None:
    before = shared_host.ids(demo)
    shared_host.container(demo).pause()
    shared_host.wb("run", demo)
    after = shared_host.ids(demo)
    assert [part for part in after if after[part] != before[part]] == ["platform"]
    assert shared_host.container(demo).status == "running"


def test_a_container_taken_off_its_network_is_replaced(shared_host: Host, demo: str) -> None:
    before = shared_host.ids(demo)
    (network,) = shared_host.client.networks.list(names=[f"^{demo}$"])
    network.disconnect(f"{demo}-valkey")
    shared_host.wb("run", demo)
    after = shared_host.ids(demo)
    assert [part for part in after if after[part] != before[part]] == ["valkey"]
    networks = shared_host.inspect(f"{demo}-valkey")["NetworkSettings"]["Networks"]
    assert networks[demo]["NetworkID"] == network.id


def test_a_network_pruned_while_all_was_stopped_is_made_again(shared_host: Host, demo: str) -> None:
    before = shared_host.ids(demo)
    for container in shared_host.containers(demo):
        container.stop()
    for network in shared_host.client.networks.list(names=[f"^{demo}$"]):
        network.remove()
    shared_host.wb("run", demo)
    after = shared_host.ids(demo)
    assert set(before) == set(after)
    assert not set(before.values()) & set(after.values())
    assert {container.status for container in shared_host.containers(demo)} == {"running"}


def test_what_was_removed_behind_our_back_is_made_again(shared_host: Host, demo: str) -> None:
    before = shared_host.ids(demo)
    shared_host.container(demo).remove(force=True)
    shared_host.wb("run", demo)
    after = shared_host.ids(demo)
    assert {part for part in after if after[part] != before[part]} == {"platform"}


def test_what_an_interrupted_run_left_over_is_tidied_up(shared_host: Host, demo: str) -> None:
    old = shared_host.container(demo)
    old.stop()
    old.update(restart_policy={"Name": "no"})
    old.rename(f"{demo}-previous")
    shared_host.wb("run", demo)
    assert shared_host.ids(demo)["platform"] == old.id
    assert {container.name for container in shared_host.containers(demo)} == {
        demo,
        f"{demo}-postgres",
        f"{demo}-valkey",
    }
    assert shared_host.inspect(demo)["HostConfig"]["RestartPolicy"]["Name"] == "always"


def test_an_image_that_was_built_again_is_drift_until_restart(
    shared_host: Host, demo: str, platforms: Platforms
) -> None:
    client, before = shared_host.client, shared_host.ids(demo)
    healthy = client.images.get(shared_host.platform)
    repository, tag = shared_host.platform.split(":")
    client.images.get(platforms("newer")).tag(repository, tag)
    try:
        done = shared_host.wb("run", demo)
        assert shared_host.ids(demo) == before
        assert f"{shared_host.platform} is another image now" in done.stderr
        assert f"`wb restart {demo}` applies it" in done.stderr
        shared_host.wb("restart", demo)
        assert not set(shared_host.ids(demo).values()) & set(before.values())
        assert "MODE=newer" in shared_host.inspect(demo)["Config"]["Env"]
    finally:
        healthy.tag(repository, tag)
        shared_host.wb("restart", demo)


def test_restart_applies_a_changed_declaration(shared_host: Host, demo: str) -> None:
    shared_host.change(demo, valkeyMaxMemory="32m")
    shared_host.wb("restart", demo)
    assert shared_host.valkey(demo, "config", "get", "maxmemory").split() == [
        "maxmemory",
        str(32 * 1024**2),
    ]


def test_a_database_that_is_initialised_gets_no_password(shared_host: Host, demo: str) -> None:
    shared_host.wb("restart", demo)
    variables = shared_host.inspect(f"{demo}-postgres")["Config"]["Env"]
    assert [name for name in variables if "PASSWORD" in name] == []
    assert "unchanged" in shared_host.wb("run", demo).stdout


def test_with_restart_no_the_engine_removes_postgres_and_valkey_when_they_end(
    shared_host: Host, demo: str
) -> None:
    shared_host.change(demo, restart="no")
    shared_host.wb("run", demo)
    flags = {
        name: shared_host.inspect(name)["HostConfig"]["AutoRemove"]
        for name in (f"{demo}-postgres", f"{demo}-valkey", demo)
    }
    assert list(flags.values()) == [True, True, False]
    shared_host.wb("restart", demo)
    shared_host.change(demo, restart=None)
    shared_host.wb("run", demo)
    assert shared_host.inspect(f"{demo}-valkey")["HostConfig"]["AutoRemove"] is False
