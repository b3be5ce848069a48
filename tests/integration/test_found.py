"""wb meets states of containers that it did not cause, recognises them and corrects them."""

import json
from typing import Any

import pytest
from support.platform_stand_in import Platforms
from support.services import PLATFORM_IMAGE, wait_until
from support.wb_host import Host, free_ports

from wb_cli.contract import Part

pytestmark = [pytest.mark.engine, pytest.mark.long]


def test_stop_does_not_report_containers_that_ended_before(host: Host) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    for part in (Part.PLATFORM, Part.POSTGRES):
        host.container(part.container_name(id_)).kill()
    done = host.wb("stop", id_)
    assert "killed" not in done.stdout + done.stderr
    assert host.containers(id_) == []


def test_run_starts_a_valkey_whose_crash_loop_has_lost_its_cause(host: Host) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    valkey = Part.VALKEY.container_name(id_)
    host.valkey(id_, "set", "kept", "value")
    host.valkey(id_, "save")
    snapshot = host.folder(id_) / "valkey_data" / "dump.rdb"
    whole = snapshot.read_bytes()
    snapshot.write_bytes(whole[: len(whole) // 2])
    host.container(valkey).kill()
    host.container(valkey).start()
    wait_until(lambda: host.inspect(valkey)["RestartCount"] > 2, "the crash loop")
    snapshot.write_bytes(whole)
    host.wb("run", id_)
    assert host.valkey(id_, "get", "kept") == "value"
    assert host.inspect(valkey)["HostConfig"]["RestartPolicy"]["Name"] == "always"


def test_postgres_can_get_the_port_that_the_platform_had(host: Host) -> None:
    port = free_ports(0, 10_000, 20_000)
    id_ = host.prepare(port=port + 10_000)
    host.wb("run", id_)
    host.change(id_, port=port)
    host.wb("run", id_)
    assert host.inspect(f"{id_}-postgres")["NetworkSettings"]["Ports"]["5432/tcp"] == [
        {"HostIp": "127.0.0.1", "HostPort": str(port + 10_000)}
    ]


def test_a_platform_that_its_image_calls_unhealthy_is_ready_if_it_answers(
    host: Host, platforms: Platforms
) -> None:
    id_ = host.prepare(image=platforms("called-unhealthy"))
    host.wb("run", id_)
    wait_until(lambda: host.inspect(id_)["State"]["Health"]["Status"] == "unhealthy", "the verdict")
    host.wb("run", id_)
    (shown,) = host.json("status", id_)["instances"]
    assert shown["state"] == "running"


def test_a_database_with_another_password_is_an_error_at_once(host: Host) -> None:
    id_ = host.prepare(image=PLATFORM_IMAGE)
    host.wb("run", id_)
    host.wb("stop", id_)
    secrets = host.root / "secrets" / f"{id_}.json"
    secrets.write_text(json.dumps(json.loads(secrets.read_text()) | {"postgresPassword": "other"}))
    done = host.wb("run", id_, exits=1)
    assert f"{id_} is not let in by its database: " in done.stderr
    assert f"`postgresPassword` into {id_}.json" in done.stderr
    assert host.containers(id_) == []


def test_status_shows_that_a_platform_lost_its_database_and_how_a_container_ended(
    host: Host,
) -> None:
    id_ = host.prepare(image=PLATFORM_IMAGE)
    host.wb("run", id_)
    host.container(f"{id_}-postgres").kill()

    def show(part: Part) -> dict[str, Any]:
        (shown,) = host.json("status", id_)["instances"]
        return next(container for container in shown["containers"] if container["role"] == part)

    wait_until(lambda: show(Part.PLATFORM)["state"] == "unhealthy", "the loss")
    assert show(Part.PLATFORM)["database"]["connected"] is False
    postgres = show(Part.POSTGRES)
    assert (postgres["state"], postgres["exitCode"]) == ("exited", 137)
    assert postgres["startedAt"] < postgres["finishedAt"]
