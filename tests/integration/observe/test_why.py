"""Faults that are provoked on the real engine: `wb why` names each, and the command that mends it.

The instances are shared, because a start takes longer than a fault. Each test puts right what it
did.
"""

import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from support.json_answers import check
from support.platform_stand_in import Platforms
from support.services import PLATFORM_IMAGE, VALKEY_IMAGE, wait_until
from support.wb_host import Host

from wb_cli.observe.why.finding import Cause

pytestmark = [pytest.mark.engine, pytest.mark.long]


def why(
    host: Host, id_: str, *, exits: int = 0, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    done = host.wb("why", id_, "--json", exits=exits, **(environ or {}))
    answer = check("why", done.stdout)
    assert isinstance(answer, dict)
    return answer


def explained(
    host: Host, id_: str, cause: Cause, *words: str, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The answer, whose cause is this one, and whose line has these words."""
    answer = why(host, id_, environ=environ)
    assert answer["cause"] == cause, answer
    assert all(word in answer["line"] for word in words), answer
    return answer


@pytest.fixture(scope="module")
def stand_in(shared_host: Host, platforms: Platforms) -> str:
    id_ = shared_host.prepare(image=platforms("mortal"))
    shared_host.wb("run", id_)
    return id_


@pytest.fixture
def running(shared_host: Host, stand_in: str) -> Iterator[str]:
    """An instance that runs, with a stand-in for the platform that never crashed."""
    shared_host.wb("run", stand_in)
    if shared_host.inspect(stand_in)["RestartCount"]:
        shared_host.wb("restart", stand_in)
    yield stand_in
    (shared_host.folder(stand_in) / "sandbox" / "die").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def idle(shared_host: Host) -> str:
    """An instance that was never started."""
    return shared_host.prepare()


@pytest.fixture(scope="module")
def whole(shared_host: Host) -> str:
    """An instance that runs the real platform."""
    id_ = shared_host.prepare(image=PLATFORM_IMAGE)
    shared_host.wb("run", id_)
    return id_


def ask(host: Host, id_: str, path: str) -> None:
    """Ask a platform for something that it does not survive."""
    with suppress(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{host.port(id_)}{path}", timeout=20).close()


def wait_for_restart(host: Host, id_: str) -> None:
    def is_back() -> bool:
        seen = host.inspect(id_)
        return seen["RestartCount"] > 0 and seen["State"]["Status"] == "running"

    wait_until(is_back, "its restart by the engine")
    wait_until(lambda: answers(host, id_), "its answer")


def answers(host: Host, id_: str) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{host.port(id_)}/", timeout=1).close()
    except OSError:
        return False
    return True


# Of an instance that was never started


def test_an_instance_that_was_never_started(shared_host: Host, idle: str) -> None:
    answer = explained(shared_host, idle, Cause.NEVER_STARTED, "never started")
    assert answer["remedy"] == f"`wb run {idle}` starts it."


def test_an_id_that_nobody_has_heard_of(shared_host: Host) -> None:
    assert "there is no instance" in shared_host.wb("why", "nobody", exits=2).stderr


def test_an_entry_that_is_refused(shared_host: Host, idle: str) -> None:
    port = shared_host.port(idle)
    shared_host.change(idle, port=str(port))
    answer = explained(shared_host, idle, Cause.ENTRY_REFUSED, f'port "{port}"')
    assert answer["remedy"].startswith(f"`wb config set {idle} port=")
    shared_host.change(idle, port=port)


def test_an_image_that_is_missing(shared_host: Host, idle: str) -> None:
    shared_host.change(idle, image="wb-no-such:1")
    explained(shared_host, idle, Cause.IMAGE_MISSING, "wb-no-such:1", "not on this engine")
    shared_host.change(idle, image=shared_host.platform)


def test_a_folder_that_is_missing(shared_host: Host, idle: str) -> None:
    folder = shared_host.folder(idle) / "assets"
    folder.rmdir()
    answer = explained(shared_host, idle, Cause.FOLDER, f"{folder} is missing")
    assert f"`wb init-dirs {idle}`" in answer["remedy"]
    folder.mkdir()


def test_a_mount_path_that_is_missing(shared_host: Host, idle: str, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "volume")
    explained(shared_host, idle, Cause.MOUNT_PATH, nowhere, environ={"MOUNT_PATH": nowhere})


def test_a_port_that_is_taken(shared_host: Host, idle: str) -> None:
    with closing(socket.create_server(("127.0.0.1", shared_host.port(idle)))):
        explained(shared_host, idle, Cause.PORT_TAKEN, f"port {shared_host.port(idle)}")


def test_a_disk_that_is_full(shared_host: Host, idle: str, tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        shared_host.wb("init-dirs", idle, MOUNT_PATH=str(tmp_path))
        small = {"MOUNT_PATH": str(tmp_path)}
        explained(shared_host, idle, Cause.DISK, "only 8.0 MiB are free", environ=small)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_foreign_container_with_its_name(shared_host: Host, idle: str, run_id: str) -> None:
    stranger = shared_host.client.containers.create(
        VALKEY_IMAGE, name=f"{idle}-postgres", labels={"wb.test.run": run_id}
    )
    explained(shared_host, idle, Cause.NAME_TAKEN, f"{idle}-postgres", "not wb's")
    stranger.remove()


def test_an_engine_that_is_away(shared_host: Host, idle: str) -> None:
    away = "unix:///nowhere/docker.sock"
    answer = why(shared_host, idle, exits=6, environ={"DOCKER_HOST": away})
    assert answer["cause"] == Cause.ENGINE_AWAY
    assert away in answer["line"]


# Of starts that fail


def test_a_platform_that_crashes_at_its_start(shared_host: Host, platforms: Platforms) -> None:
    id_ = shared_host.prepare(image=platforms("exits"))
    shared_host.wb("run", id_, exits=1)
    answer = explained(shared_host, id_, Cause.START_FAILED, f"{id_} exited with code 7")
    assert "  ConfigError: no such dialect" in answer["evidence"]
    assert f"`wb logs {id_} --failed`" in answer["remedy"]


def test_a_command_that_is_at_work_was_killed_and_a_platform_that_is_unwell(
    shared_host: Host, platforms: Platforms
) -> None:
    id_ = shared_host.prepare(image=platforms("never-ready"))
    with shared_host.started("run", id_) as process:
        wait_until(lambda: "platform" in shared_host.ids(id_), "the platform's container")
        explained(shared_host, id_, Cause.COMMAND_AT_WORK, f"wb run {id_}", f"pid {process.pid}")
        process.kill()
        process.wait()
    explained(shared_host, id_, Cause.COMMAND_INTERRUPTED, f"wb run {id_}", "did not end")
    shared_host.wb("run", id_, "--timeout", "8", exits=5)
    explained(shared_host, id_, Cause.UNHEALTHY, f"{id_} answers its health check with an error")
    shared_host.wb("stop", id_)


# Of an instance that runs


def test_an_instance_that_is_well(shared_host: Host, running: str) -> None:
    answer = explained(shared_host, running, Cause.HEALTHY, "nothing is wrong", running)
    assert answer["remedy"] is None
    assert any(f"`wb run {running}`" in fact for fact in answer["evidence"])


def test_a_platform_that_is_paused(shared_host: Host, running: str) -> None:
    shared_host.container(running).pause()
    answer = explained(shared_host, running, Cause.PAUSED, f"{running} is paused")
    assert answer["remedy"].startswith(f"`docker unpause {running}`")
    shared_host.container(running).unpause()


def test_a_platform_that_was_stopped_with_docker_stop(shared_host: Host, running: str) -> None:
    shared_host.container(running).stop()
    explained(shared_host, running, Cause.STOPPED_FROM_OUTSIDE, running, "`docker stop`")


def test_a_platform_that_was_killed_with_docker_kill(shared_host: Host, running: str) -> None:
    shared_host.container(running).kill()
    explained(shared_host, running, Cause.KILLED_FROM_OUTSIDE, running, "`docker kill`")


def test_a_platform_that_was_killed_with_kill_9(shared_host: Host, running: str) -> None:
    shared_host.container(running).update(restart_policy={"Name": "no"})
    os.kill(shared_host.inspect(running)["State"]["Pid"], signal.SIGKILL)
    wait_until(lambda: shared_host.container(running).status == "exited", "its end")
    explained(shared_host, running, Cause.KILLED_FROM_OUTSIDE, running, "`kill -9`")


def test_a_platform_that_died_later_and_stays_down(shared_host: Host, running: str) -> None:
    shared_host.container(running).update(restart_policy={"Name": "no"})
    ask(shared_host, running, "/die")
    wait_until(lambda: shared_host.container(running).status == "exited", "its end")
    answer = explained(shared_host, running, Cause.CRASHED, f"{running} ended by itself", "code 3")
    assert "  panic: asked to" in answer["evidence"]


def test_a_platform_that_died_later_and_runs_again(shared_host: Host, running: str) -> None:
    ask(shared_host, running, "/die")
    wait_for_restart(shared_host, running)
    explained(shared_host, running, Cause.CRASHED_AND_BACK, "exited 3", "once")


def test_a_platform_in_a_restart_loop(shared_host: Host, running: str) -> None:
    (shared_host.folder(running) / "sandbox" / "die").touch()
    ask(shared_host, running, "/die")

    def is_between_two_starts() -> bool:
        seen = shared_host.inspect(running)
        return seen["RestartCount"] > 3 and seen["State"]["Status"] == "restarting"

    wait_until(is_between_two_starts, "the loop")
    answer = explained(shared_host, running, Cause.RESTART_LOOP, "again and again", "code 4")
    assert f"`wb logs {running} --failed`" in answer["remedy"]


def test_a_platform_that_ran_out_of_memory(shared_host: Host, running: str) -> None:
    limit = 48 * 2**20
    shared_host.container(running).update(mem_limit=limit, memswap_limit=limit)
    ask(shared_host, running, "/eat")
    wait_for_restart(shared_host, running)
    explained(shared_host, running, Cause.OUT_OF_MEMORY, "out of memory")


def test_a_container_that_somebody_removed(shared_host: Host, running: str) -> None:
    shared_host.container(f"{running}-valkey").remove(force=True)
    explained(shared_host, running, Cause.PART_GONE, f"{running}-valkey", "removed from outside")


def test_a_change_that_is_not_applied(shared_host: Host, running: str) -> None:
    shared_host.change(running, label="Another")
    answer = explained(shared_host, running, Cause.NOT_APPLIED, "INSTANCE_NAME", "Another")
    assert answer["remedy"] == f"`wb run {running}` applies it."


def test_a_change_that_failed(shared_host: Host, running: str, platforms: Platforms) -> None:
    shared_host.change(running, image=platforms("exits"))
    shared_host.wb("run", running, exits=1)
    answer = explained(shared_host, running, Cause.CHANGE_FAILED, "exited with code 7")
    assert "  ConfigError: no such dialect" in answer["evidence"]
    shared_host.change(running, image=platforms("mortal"))


def test_an_instance_that_runs_and_is_not_declared(shared_host: Host, running: str) -> None:
    entry = shared_host.entries[running]
    shared_host.forget(running)
    answer = explained(shared_host, running, Cause.NOT_DECLARED, "not in the registry file")
    assert answer["remedy"] == f"`wb stop {running}` stops it."
    shared_host.declare(**entry)


def test_an_instance_that_wb_stopped_and_whose_database_is_closed(
    shared_host: Host, running: str
) -> None:
    shared_host.wb("stop", running)
    explained(shared_host, running, Cause.STOPPED_BY_WB, f"`wb stop {running}`")
    databases = shared_host.folder(running) / "databases"
    databases.chmod(0o700)
    shared_host.wb("run", running, exits=1)
    answer = explained(shared_host, running, Cause.DATABASE_CLOSED, str(databases), "closed")
    assert answer["remedy"] == f"`chmod 755 {databases}` opens it."
    databases.chmod(0o755)


def test_an_instance_whose_containers_were_all_removed(shared_host: Host, running: str) -> None:
    for container in shared_host.containers(running):
        container.remove(force=True)
    explained(shared_host, running, Cause.REMOVED_FROM_OUTSIDE, "removed from outside")


# Of the real platform


def test_a_postgresql_that_is_down(shared_host: Host, whole: str) -> None:
    postgres = shared_host.container(f"{whole}-postgres")
    postgres.stop()
    answer = explained(shared_host, whole, Cause.STOPPED_FROM_OUTSIDE, f"{whole}-postgres")
    assert any("no database" in fact for fact in answer["evidence"])
    postgres.start()
    shared_host.wb("run", whole)


def test_a_valkey_that_is_down(shared_host: Host, whole: str) -> None:
    valkey = shared_host.container(f"{whole}-valkey")
    valkey.kill()
    explained(shared_host, whole, Cause.KILLED_FROM_OUTSIDE, "runs without its cache")
    valkey.start()
    shared_host.wb("run", whole)


def test_a_database_that_refuses_the_password(shared_host: Host, whole: str) -> None:
    stored = (shared_host.root / "secrets" / f"{whole}.json").read_text()
    password = stored.split('"postgresPassword": "')[1].split('"')[0]
    shared_host.sql(whole, "ALTER USER postgres PASSWORD 'another'")
    shared_host.container(whole).restart()
    wait_until(
        lambda: why(shared_host, whole)["cause"] == Cause.PASSWORD_REFUSED, "the refused password"
    )
    answer = why(shared_host, whole)
    assert "password authentication failed" in answer["line"]
    assert "postgresPassword" in answer["remedy"]
    assert password not in str(answer)
    shared_host.sql(whole, f"ALTER USER postgres PASSWORD '{password}'")


def test_the_answer_as_text_is_a_line_its_evidence_and_a_remedy(
    shared_host: Host, idle: str
) -> None:
    done = shared_host.wb("why", idle)
    assert done.stdout == f"{idle} was never started, as far as its history reaches\n"
    assert done.stderr == f"next: `wb run {idle}` starts it.\n"


def test_the_engine_is_asked_about_each_container_once(shared_host: Host, running: str) -> None:
    calls = shared_host.wb("-vv", "why", running).stderr
    inspected = re.findall(r"/containers/([0-9a-f]{64})/json", calls)
    assert sorted(inspected) == sorted(shared_host.ids(running).values())
