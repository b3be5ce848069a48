"""A change of Valkey's persistence, with 300 MiB, a kill, a full disk or a damaged log."""

import hashlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from faults.test_kill9 import LAUNCHER
from faults.test_obstacles import mount_small_disk
from support.kept import AOF, OTHER, RDB, Cache
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.errors import ExitCode
from wb_cli.host.folders import count_free_bytes

pytestmark = [pytest.mark.engine, pytest.mark.faults]

MIB = 1024**2
# Bytes that no compression makes smaller, and a number for each key.
FILL = """
local block = {}
for i = 1, 1048576 do block[i] = string.char(math.random(0, 255)) end
block = table.concat(block)
for i = ARGV[1], ARGV[2] do redis.call('set', 'big:' .. i, i .. block) end
"""
DIGEST = """
local found = {}
for i = 1, ARGV[1] do
    found[i] = redis.sha1hex(redis.call('get', 'big:' .. i) or '')
end
return redis.sha1hex(table.concat(found))
"""


def fill(cache: Cache, mebibytes: int) -> None:
    """Write keys of 1 MiB each."""
    cache.host.valkey(cache.id, "eval", FILL, "0", "1", str(mebibytes))
    cache.written += mebibytes


def compute_digest(cache: Cache, mebibytes: int) -> str:
    return cache.host.valkey(cache.id, "eval", DIGEST, "0", str(mebibytes))


@pytest.fixture
def cache(host: Host) -> Iterator[Cache]:
    cache = Cache(host, host.prepare())
    yield cache
    host.wb("stop", cache.id)


def test_300_mib_are_there_after_every_change_of_persistence(cache: Cache) -> None:
    cache.run(RDB)
    fill(cache, 300)
    expected = compute_digest(cache, 300)
    for persistence in (AOF, RDB, AOF):
        cache.write()
        cache.run(persistence)
        assert compute_digest(cache, 300) == expected
    for persistence in (RDB, AOF):
        cache.write()
        cache.host.wb("stop", cache.id)
        cache.host.change(cache.id, valkeyMaxMemory=f"{500 + cache.written}m")
        cache.run(persistence)
        assert compute_digest(cache, 300) == expected
    cache.write()
    cache.die()
    cache.run(RDB)
    assert compute_digest(cache, 300) == expected


def kill_run_at(cache: Cache, moment: str, step: int) -> bool:
    """Kill `wb run` at a step. Tell whether it was killed; otherwise it ended before."""
    command = [sys.executable, str(LAUNCHER), moment, str(step), "run", cache.id]
    done = subprocess.run(
        command, env=cache.host.environ, capture_output=True, timeout=COMMAND_S, check=False
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr.decode()
    return done.returncode != 0


@pytest.mark.parametrize("restart", ["always", "no"])
@pytest.mark.parametrize("moment", ["during", "after"])
def test_wb_killed_at_any_step_of_a_change_loses_nothing(
    cache: Cache, moment: str, restart: str
) -> None:
    cache.host.change(cache.id, restart=restart)
    persistence, step = RDB, 1
    cache.run(persistence)
    while True:
        cache.write()
        cache.host.valkey(cache.id, "save")
        cache.keep(OTHER[persistence])
        if not kill_run_at(cache, moment, step):
            break
        if step % 3 == 0:
            kill_what_runs(cache)
        # In every second try the operator takes the change back.
        persistence = OTHER[persistence] if step % 2 else persistence
        cache.run(persistence)
        assert not any("carrier" in name for name in cache.host.names(cache.id))
        step += 1
    assert step > 10


def kill_what_runs(cache: Cache) -> None:
    """Kill a container, as the kernel does when memory runs out."""
    for container in cache.host.containers(cache.id):
        if container.labels["wb.role"] == "valkey" and container.status == "running":
            with suppress(Exception):  # it may have ended by itself
                container.kill(signal.SIGKILL)


def test_a_change_killed_while_a_log_becomes_a_snapshot_begins_again(cache: Cache) -> None:
    cache.run(AOF)
    fill(cache, 200)
    expected = compute_digest(cache, 200)
    cache.die()
    cache.keep(RDB)
    with cache.host.started("run", cache.id) as wb:
        wait_until(lambda: f"{cache.name}-carrier" in cache.host.names(cache.id), "the carrier")
        wb.kill()
        wb.wait()
    kill_what_runs(cache)
    cache.run(RDB)
    assert compute_digest(cache, 200) == expected


def hash_files(folder: Path) -> dict[str, str]:
    """Hash the content of every file in a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_damaged_log_leaves_the_instance_without_valkey_and_the_files_as_they_are(
    cache: Cache,
) -> None:
    cache.run(AOF)
    cache.write()
    cache.host.valkey(cache.id, "save")
    cache.write()
    cache.die()
    (log,) = (cache.folder / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"*3\r\n$rubbish" + log.read_bytes())
    before = hash_files(cache.folder)
    cache.keep(RDB)
    for _ in range(2):
        done = cache.host.wb("run", cache.id, exits=ExitCode.DEGRADED)
        assert "could not be carried over from aof to rdb" in done.stderr
        assert "Bad file format" in done.stderr
        assert hash_files(cache.folder) == before
    assert cache.host.inspect(cache.id)["State"]["Running"]
    cache.host.container(f"{cache.name}-previous").remove()


@pytest.mark.parametrize("persistence", [RDB, AOF])
def test_on_a_full_disk_the_old_valkey_runs_on(host: Host, persistence: str) -> None:
    cache = Cache(host, host.prepare())
    with mount_small_disk(cache.folder, "600m"):
        cache.run(persistence)
        host.valkey(cache.id, "config", "set", "auto-aof-rewrite-percentage", "0")
        fill(cache, 150)
        expected = compute_digest(cache, 150)
        ballast = cache.folder / "ballast"
        ballast.write_bytes(bytes(count_free_bytes(cache.folder) - 120 * MIB))
        cache.keep(OTHER[persistence])
        done = host.wb("run", cache.id, exits=ExitCode.FAILURE)
        assert "cannot save what it caches" in done.stderr
        assert "No space left on device" in done.stderr
        cache.is_whole(persistence)
        assert compute_digest(cache, 150) == expected
        ballast.unlink()
        cache.run(OTHER[persistence])
        assert compute_digest(cache, 150) == expected
        host.wb("stop", cache.id)


@contextmanager
def serve_over_tcp() -> Iterator[str]:
    """Serve the engine over TCP, as if it ran on another machine. So wb does not check folders."""
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=_relay_all, args=(server, engine), daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def _relay_all(server: socket.socket, engine: str) -> None:
    with suppress(OSError):
        while True:
            near, _ = server.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(engine)
            threading.Thread(target=_relay, args=(near, far), daemon=True).start()


def _relay(near: socket.socket, far: socket.socket) -> None:
    ways = {near: far, far: near}
    with near, far, suppress(OSError):
        while ways:
            for source in select.select(list(ways), [], [])[0]:
                data = source.recv(65536)
                if data:
                    ways[source].sendall(data)
                else:
                    ways.pop(source).shutdown(socket.SHUT_WR)


def test_on_a_remote_engine_every_key_is_there_after_every_change(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_over_tcp() as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        cache.run(RDB)
        for persistence in (AOF, RDB, AOF):
            cache.write()
            cache.run(persistence)
        for persistence in (RDB, AOF, RDB):
            cache.write()
            cache.host.wb("stop", cache.id)
            cache.run(persistence)
        cache.run(AOF)
        cache.write()
        cache.die()
        cache.run(RDB)
        cache.host.wb("stop", cache.id)
        monkeypatch.undo()
