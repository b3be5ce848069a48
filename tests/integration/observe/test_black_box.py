"""What is kept of a platform that ended badly: after it is gone, it can still be read."""

import subprocess
import urllib.request
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from support.platform_stand_in import Platforms
from support.services import wait_until
from support.wb_host import Host

from wb_cli.lifecycle.record.black_box import Crash

pytestmark = [pytest.mark.engine, pytest.mark.long]


def kept(host: Host, id_: str) -> list[Crash]:
    folder = host.root / "crashes" / id_
    paths = sorted(folder.glob("*.json")) if folder.exists() else []
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in paths)
    return [msgspec.json.decode(path.read_bytes(), type=Crash) for path in paths]


def ask(host: Host, id_: str, path: str) -> None:
    """Ask a platform for something that it does not survive."""
    with suppress(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{host.port(id_)}{path}", timeout=20).close()


def wait_for_restart(host: Host, id_: str) -> None:
    wait_until(lambda: host.inspect(id_)["RestartCount"] > 0, "its restart by the engine")


def test_a_platform_that_crashes_at_its_start(host: Host, platforms: Platforms) -> None:
    id_ = host.prepare(image=platforms("exits"))
    host.wb("run", id_, exits=1)
    assert host.containers(id_) == []
    (crash,) = kept(host, id_)
    assert (crash.part, crash.exit_code, crash.oom_killed) == ("platform", 7, False)
    done = host.wb("logs", id_, "--failed")
    assert done.stdout == "stand-in: exits\nConfigError: no such dialect\n"
    assert f"{id_} ended " in done.stderr
    assert ": exited 7" in done.stderr
    assert host.wb("logs", id_, "--failed", "-n", "1").stdout == "ConfigError: no such dialect\n"
    (status,) = host.json("status", id_)["instances"]
    assert status["state"] == "stopped"
    assert "exited 7; wb logs" in status["notes"][0]
    # It is still there after a run that works, and after a stop.
    host.change(id_, image=host.platform)
    host.wb("run", id_)
    host.wb("stop", id_)
    assert kept(host, id_) == [crash]
    assert host.wb("logs", id_, "--failed").stdout == done.stdout


def test_a_platform_that_dies_later_and_was_started_again(host: Host, platforms: Platforms) -> None:
    id_ = host.prepare(image=platforms("mortal"))
    host.wb("run", id_)
    ask(host, id_, "/die")
    wait_for_restart(host, id_)
    host.wb("stop", id_)
    (crash,) = kept(host, id_)
    assert (crash.exit_code, crash.restart_count, crash.how) == (3, 1, "exited 3")
    assert "panic: asked to\n" in host.wb("logs", id_, "--failed").stdout


def test_a_platform_without_memory(host: Host, platforms: Platforms) -> None:
    id_ = host.prepare(image=platforms("mortal"), memory="48m")
    host.wb("run", id_)
    ask(host, id_, "/eat")
    wait_for_restart(host, id_)
    host.wb("run", id_)
    (crash,) = kept(host, id_)
    assert (crash.exit_code, crash.oom_killed, crash.memory_bytes) == (137, True, 48 * 2**20)
    done = host.wb("logs", id_, "--failed")
    assert "out of memory (its limit: 48.0 MiB)" in done.stderr


def test_a_platform_that_is_killed_from_outside(host: Host) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    host.client.api.kill(id_)
    wait_until(lambda: host.inspect(id_)["State"]["Status"] == "exited", "its end")
    for _ in range(2):
        assert "killed (137)" in host.wb("logs", id_, "--failed").stderr
    host.wb("run", id_)
    host.wb("stop", id_)
    (crash,) = kept(host, id_)
    assert (crash.exit_code, crash.oom_killed) == (137, False)


def test_an_image_that_calls_itself_unhealthy_is_kept_with_its_checks(
    host: Host, platforms: Platforms
) -> None:
    id_ = host.prepare(image=platforms("called-unhealthy"))
    host.wb("run", id_)
    wait_until(
        lambda: host.inspect(id_)["State"]["Health"]["Status"] == "unhealthy", "its own verdict"
    )
    host.wb("stop", id_)
    (crash,) = kept(host, id_)
    assert (crash.health, crash.exit_code) == ("unhealthy", None)
    assert crash.health_log[-1].exit_code == 1
    assert "unhealthy" in host.wb("logs", id_, "--failed").stderr


def test_what_nobody_must_read_is_not_kept(host: Host, platforms: Platforms) -> None:
    id_ = host.prepare(image=platforms("tells"), env={"STATUS_KEY": "open-sesame"})
    host.wb("run", id_, exits=1)
    said = host.wb("logs", id_, "--failed").stdout
    assert f"postgresql://postgres:***@{id_}-postgres/main\n" in said
    assert "token=***, key=***\n" in said
    secrets = (host.root / "secrets" / f"{id_}.json").read_text()
    written = "".join(path.read_text() for path in (host.root / "crashes" / id_).iterdir())
    assert not any(secret in written for secret in (*secrets.split('"')[3::4], "open-sesame"))


def test_an_instance_that_works_has_no_record_and_says_so(host: Host) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    host.wb("restart", id_)
    host.wb("stop", id_)
    assert kept(host, id_) == []
    done = host.wb("logs", id_, "--failed", exits=2)
    assert f"error: no failure of {id_} is recorded\n" in done.stderr


def test_a_folder_that_cannot_be_written_keeps_nobody_from_stopping(
    host: Host, platforms: Platforms
) -> None:
    id_ = host.prepare(image=platforms("exits"))
    (host.root / "crashes").write_text("no folder")
    done = host.wb("run", id_, exits=1)
    assert "cannot be kept" in done.stderr
    assert host.containers(id_) == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Path:
    """A folder on a disk of its own that has no room left."""
    folder = tmp_path / "crashes"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    return folder


def test_a_full_disk_keeps_nobody_from_running(
    host: Host, platforms: Platforms, full_disk: Path
) -> None:
    try:
        with suppress(OSError):
            (full_disk / "filler").write_bytes(b"x" * 2**15)
        id_ = host.prepare(image=platforms("exits"))
        done = host.wb("run", id_, exits=1)
        assert "cannot be kept: " in done.stderr
        assert "exited with code 7" in done.stderr
        assert not list(full_disk.rglob("*.json*"))
    finally:
        subprocess.run(["umount", str(full_disk)], check=True)
