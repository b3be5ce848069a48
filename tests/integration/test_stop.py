"""wb stop on the real engine: order, data, and what it works on."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.disks import small_disk
from support.wb_host import Host

pytestmark = pytest.mark.engine


def test_data_is_there_again_after_stop_and_run_and_nothing_else_is_left(host: Host) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    host.sql(id_, "create table kept as select generate_series(1, 1000) as n")
    host.valkey(id_, "set", "kept", "value")
    with host.events(id_) as events:
        host.wb("stop", id_)
    assert host.containers(id_) == []
    assert host.networks(id_) == []
    assert host.folder(id_).joinpath("databases").is_dir()
    check_order_of_stops(events, id_)
    host.wb("run", id_)
    assert host.sql(id_, "select sum(n) from kept") == "500500"
    assert host.valkey(id_, "get", "kept") == "value"
    host.wb("stop", id_)


@pytest.mark.long
def test_valkey_gets_more_time_to_stop_if_its_snapshot_is_large(host: Host) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    host.valkey(id_, "setrange", "large", str(400 * 1024**2), "x")
    (asked,) = host.json("stop", id_, "--dry-run")["instances"]
    stops = [step["operation"] for step in asked["plan"]["steps"]]
    assert f"stop {id_}-valkey (at most 54 s)" in stops, "10 MiB a second, on a busy machine"
    host.wb("stop", id_)


def check_order_of_stops(events: list[tuple[str, str]], id_: str) -> None:
    """Check that each container was told to stop and died before the next was told."""
    per_container = ("kill", "die")
    expected = [(action, f"{id_}{end}") for end in ("", "-postgres", "-valkey")
                for action in per_container]  # fmt: skip
    assert [event for event in events if event[0] in per_container] == expected


def test_stop_finds_an_instance_that_is_no_longer_in_the_registry_file(host: Host) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    host.forget(id_)
    host.wb("stop", id_)
    assert host.containers(id_) == []
    assert host.networks(id_) == []


@pytest.mark.parametrize("content", ["{ not json", None])
def test_stop_all_finds_what_runs_though_the_registry_file_cannot_be_read(
    host: Host, content: str | None
) -> None:
    id_ = host.prepare()
    host.client.networks.create(id_, labels=make_labels(host, id_))
    if content is None:
        host.servers_file.unlink()
    else:
        host.servers_file.write_text(content)
    host.wb("stop", "all")
    assert host.networks(id_) == []


def make_labels(host: Host, id_: str) -> dict[str, str]:
    run = host.labels.split("=")
    return {"wb.instance": id_, "wb.registry": str(host.servers_file), run[0]: run[1]}


def test_stop_of_an_instance_that_does_not_run_says_so_and_exits_0(host: Host) -> None:
    id_ = host.declare()
    assert host.wb("stop", id_).stdout == f"{id_}: was not running\n"


def test_stop_of_an_unknown_instance_is_a_usage_error(host: Host) -> None:
    host.declare()
    done = host.wb("stop", "nobody-knows-it", exits=2)
    assert "nobody-knows-it" in done.stderr


def test_stop_also_removes_containers_that_never_started_or_were_set_aside(host: Host) -> None:
    id_ = host.prepare()
    for name in (f"{id_}-previous", id_):
        host.client.api.create_container(
            host.platform, name=name, labels=make_labels(host, id_) | {"wb.role": "platform"}
        )
    host.wb("stop", id_)
    assert host.containers(id_) == []


def test_stop_leaves_a_foreign_container_alone_and_says_how_to_go_on(
    host: Host, run_id: str
) -> None:
    id_ = host.declare()
    made = host.client.api.create_container(host.platform, name=id_, labels={"wb.test.run": run_id})
    try:
        done = host.wb("stop", id_, exits=1)
        assert f"a created container named {id_} is there and is not wb's" in done.stderr
        assert f"docker inspect {id_}" in done.stderr
        assert host.container(id_).id == made["Id"]
    finally:
        host.client.api.remove_container(made["Id"])


def test_the_json_answer_tells_that_an_instance_was_not_running(host: Host) -> None:
    id_ = host.declare()
    document: dict[str, Any] = json.loads(host.wb("stop", id_, "--json").stdout)
    (ended,) = document["instances"]
    assert (ended["id"], ended["exitCode"], ended["result"]) == (id_, 0, "not running")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk, which can be filled and made read-only."""
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
@pytest.mark.parametrize("has_lock", [True, False], ids=["lock", "no lock"])
@pytest.mark.parametrize("is_read_only", [True, False], ids=["read-only", "full"])
def test_stop_works_on_a_disk_that_takes_nothing(
    host: Host, disk: Path, has_lock: bool, is_read_only: bool
) -> None:
    id_ = host.prepare()
    here: dict[str, Any] = {"SERVERS_FILE_PATH": str(disk / "servers.json")}
    shutil.copy(host.servers_file, disk)
    host.wb("run", id_, **here)
    if not has_lock:
        shutil.rmtree(disk / "locks")
    if is_read_only:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with suppress(OSError):
        for number in range(20):
            (disk / f"fill{number}").write_bytes(b"x" * 60_000)
    with suppress(OSError):
        for number in range(20):
            (disk / f"name{number}").touch()
    done = host.wb("stop", id_, **here)
    assert ("is locked instead" in done.stderr) is not has_lock
    assert host.state(id_) == {}
