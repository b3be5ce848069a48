"""Instances on an engine elsewhere. Their folders, locks and history are on its machine."""

import json
import signal
from pathlib import Path

import pytest
from cluster.conftest import NewOperator
from cluster.far_host import FarHost
from cluster.operator import COMMAND_S, Operator
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
FOLDERS = {"databases", "sandbox", "exports", "assets", "valkey_data"}


def names(id_: str) -> set[str]:
    return {id_, f"{id_}-postgres", f"{id_}-valkey"}


def find_outposts(far: FarHost) -> list[str]:
    """The containers through which wb looks at the machine."""
    found = far.client.api.containers(all=True, filters={"label": "wb.outpost"})
    return [each["Id"] for each in found]


@pytest.fixture
def running(operator: Operator, far: FarHost) -> str:
    """An instance that runs on the machine."""
    id_ = operator.declare()
    operator.wb("--host", far.host_url, "run", id_)
    return id_


def test_folders_are_made_on_the_machine_of_the_engine(operator: Operator, far: FarHost) -> None:
    id_ = operator.declare()
    operator.wb("--host", far.host_url, "init-dirs", id_)
    assert {path.name for path in (far.instances / id_).iterdir()} == FOLDERS
    assert not Path("/srv/instances", id_).exists()
    again = operator.wb("--host", far.host_url, "init-dirs", id_)
    assert "nothing to do" in again.stdout
    assert find_outposts(far) == []


def test_an_instance_is_run_restarted_and_stopped_elsewhere(
    operator: Operator, far: FarHost
) -> None:
    id_, host = operator.declare(), ("--host", far.host_url)
    operator.wb(*host, "run", id_)
    assert far.listed(id_) == dict.fromkeys(names(id_), "running")
    assert "unchanged" in operator.wb(*host, "run", id_).stdout
    (status,) = json.loads(operator.wb(*host, "status", "--json").stdout)["instances"]
    assert status["state"] == "running"
    sql = operator.wb(*host, "psql", id_, "postgres", "--", "-Atc", "select 40 + 2")
    assert sql.stdout.strip() == "42"
    assert "ready to accept connections" in operator.wb(*host, "logs", id_, "postgres").stdout
    operator.wb(*host, "restart", id_)
    assert far.listed(id_) == dict.fromkeys(names(id_), "running")
    operator.wb(*host, "stop", id_)
    assert far.listed(id_) == {}
    assert (far.instances / id_ / "databases" / "pgdata" / "PG_VERSION").exists()
    assert find_outposts(far) == []


def test_what_is_in_the_way_on_the_machine_is_found_before_a_start(
    operator: Operator, far: FarHost
) -> None:
    id_, host = operator.declare(), ("--host", far.host_url)
    operator.wb(*host, "init-dirs", id_)
    (far.instances / id_ / "exports").rmdir()
    port = operator.entries[id_]["port"]
    listen = far.client.containers.run(
        operator.platform, detach=True, ports={"8000/tcp": ("127.0.0.1", port)}
    )
    try:
        done = operator.wb(*host, "run", id_, exits=ExitCode.FAILURE)
    finally:
        listen.remove(force=True)
    assert f"/srv/instances/{id_}/exports is missing" in done.stderr
    assert f"port {port}" in done.stderr
    assert far.listed(id_) == {}


def test_a_database_of_another_version_on_the_machine_is_not_started(
    running: str, operator: Operator, far: FarHost
) -> None:
    host = ("--host", far.host_url)
    operator.wb(*host, "stop", running)
    version = far.instances / running / "databases" / "pgdata" / "PG_VERSION"
    version.write_text("16\n")
    done = operator.wb(*host, "run", running, exits=ExitCode.FAILURE)
    assert "is of PostgreSQL 16" in done.stderr
    assert far.listed(running) == {}


def test_two_operators_meet_the_same_lock_and_it_ends_with_its_holder(
    operator: Operator, new_operator: NewOperator, far: FarHost
) -> None:
    """The first is held in the middle of a start, by a platform that does not become ready."""
    other = new_operator("other")
    far.let_in(operator.public_key + other.public_key)
    id_ = operator.declare(env={"MODE": "never-ready"})
    both = ("--host", far.host_url, "--servers-file", str(operator.servers_file))
    lock = far.folder / "share" / "wb" / "locks" / f"{id_}.lock"
    with operator.running(*both, "run", id_) as first:
        wait_until(lambda: far.listed(id_) == dict.fromkeys(names(id_), "running"), "the start")
        assert f"wb run {id_}" in lock.read_text()
        refused = other.wb(*both, "stop", id_, exits=ExitCode.LOCKED)
        assert f"`wb run {id_}` of root@" in refused.stderr
        first.send_signal(signal.SIGKILL)
        first.wait()
    other.wb(*both, "stop", id_, "--wait", "60")
    assert far.listed(id_) == {}
    wait_until(lambda: not find_outposts(far), "the end of what the dead command left")


def test_an_instance_that_is_being_started_is_not_taken_for_a_broken_one(
    operator: Operator, far: FarHost
) -> None:
    id_, host = operator.declare(), ("--host", far.host_url)
    with operator.running(*host, "run", id_) as run:
        wait_until(lambda: f"{id_}-postgres" in far.listed(id_), "the first container")
        run.send_signal(signal.SIGSTOP)
        assert id_ not in far.listed(id_), "the platform is there already"
        (status,) = json.loads(operator.wb(*host, "status", "--json").stdout)["instances"]
        run.send_signal(signal.SIGCONT)
        run.communicate()
    assert status["state"] == "starting"
    assert any(f"wb run {id_}" in note for note in status["notes"])
    operator.wb(*host, "stop", id_)


def test_the_folders_of_a_stopped_instance_are_removed_elsewhere_and_nothing_beside_them(
    running: str, operator: Operator, far: FarHost
) -> None:
    remove = ("--host", far.host_url, "remove-dirs", running, "--yes")
    refused = operator.wb(*remove, exits=ExitCode.FAILURE)
    assert f"`wb stop {running}` removes them" in refused.stderr
    operator.wb("--host", far.host_url, "stop", running)
    precious = far.sees("/srv") / "precious"
    precious.mkdir(exist_ok=True)
    (precious / "row").write_text("kept")
    sandbox = far.instances / running / "sandbox"
    (sandbox / "link").symlink_to("/srv/precious")
    (sandbox / "disk").mkdir()
    with far.small_disk(f"/srv/instances/{running}/sandbox/disk", "64k"):
        refused = operator.wb(*remove, exits=ExitCode.FAILURE)
        assert f"`umount /srv/instances/{running}/sandbox/disk` comes first" in refused.stderr
    assert (far.instances / running / "databases" / "pgdata").exists()
    operator.wb(*remove)
    assert not (far.instances / running).exists()
    assert (precious / "row").read_text() == "kept"
    assert find_outposts(far) == []


def test_doctor_looks_at_the_machine_of_the_engine_and_says_what_it_could_not_look_at(
    running: str, operator: Operator, far: FarHost
) -> None:
    (far.instances / running / "exports").rmdir()
    with operator.running("--host", far.host_url, "doctor", "--json") as process:
        findings = json.loads(process.communicate(timeout=COMMAND_S)[0])["findings"]
    by_code = {finding["code"]: json.dumps(finding) for finding in findings}
    assert "exports: missing" in by_code["folder-missing"]
    assert "Not looked at there" in by_code["engine-elsewhere"]
    assert "not-known" not in by_code, by_code["not-known"]
    assert find_outposts(far) == []
    (far.instances / running / "exports").mkdir()
    operator.wb("--host", far.host_url, "stop", running)


def test_the_history_of_an_instance_is_on_its_machine(
    running: str, operator: Operator, new_operator: NewOperator, far: FarHost
) -> None:
    lines = (far.folder / "share" / "wb" / "history" / f"{running}.jsonl").read_text().splitlines()
    begun, ended = map(json.loads, lines[-2:])
    assert begun["verb"] == "run"
    assert ended["result"] == "ready"
    assert not (operator.root / "history").exists()
    other = new_operator("other")
    told = json.loads(other.wb("--host", far.host_url, "history", "--json").stdout)["commands"]
    assert running in {command["instance"] for command in told}


def test_images_are_brought_over_the_same_connection(
    operator: Operator, far: FarHost, tmp_path: Path
) -> None:
    operator.declare()
    host, archive = ("--host", far.host_url), str(tmp_path / "images.tar")
    operator.wb(*host, "images", "save", archive)
    far.client.api.remove_image(operator.platform, force=True)
    operator.wb(*host, "images", "load", archive)
    assert far.client.images.get(operator.platform)
