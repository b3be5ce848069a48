"""What Valkey holds outlives every change of how it is kept, on real Valkeys."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from wb_host import Host

pytestmark = pytest.mark.engine

RDB, AOF = "rdb", "aof"
OTHER = {RDB: AOF, AOF: RDB}


class Cache:
    """The Valkey of one instance, and all keys that it has been given."""

    def __init__(self, host: Host, id_: str) -> None:
        self.host, self.id, self.written = host, id_, 0

    @property
    def name(self) -> str:
        return f"{self.id}-valkey"

    @property
    def folder(self) -> Path:
        return self.host.folder(self.id) / "valkey_data"

    def write(self) -> None:
        """One more key."""
        self.written += 1
        self.host.valkey(self.id, "set", f"key:{self.written}", "value")

    def keep(self, persistence: str) -> None:
        """Declare how it is kept."""
        self.host.change(self.id, cachePersistence=persistence)

    def is_whole(self, persistence: str) -> None:
        """Every key is there, and is kept as declared."""
        assert self.host.valkey(self.id, "dbsize") == str(self.written)
        is_log = self.host.valkey(self.id, "config", "get", "appendonly").split()[-1]
        assert is_log == {RDB: "no", AOF: "yes"}[persistence]

    def run(self, persistence: str, verb: str = "run") -> None:
        """Bring it up as declared; every key must be there."""
        self.keep(persistence)
        self.host.wb(verb, self.id)
        self.is_whole(persistence)

    def die(self) -> None:
        """Its process ends without a chance to save anything."""
        container = self.host.container(self.name)
        self.host.client.api.update_container(container.id, restart_policy={"Name": "no"})
        container.kill(signal.SIGKILL)
        container.wait()

    def names(self) -> set[str]:
        return {each.name for each in self.folder.iterdir()}


@pytest.fixture
def cache(host: Host) -> Iterator[Cache]:
    cache = Cache(host, host.prepare())
    yield cache
    host.wb("stop", cache.id)


@pytest.mark.parametrize("verb", ["run", "restart"])
def test_every_key_is_there_after_each_change_of_a_running_valkey(cache: Cache, verb: str) -> None:
    cache.run(RDB)
    for persistence in (AOF, RDB, AOF, RDB):
        cache.write()
        cache.run(persistence, verb)
    assert "appendonlydir" not in cache.names()
    assert "appendonlydir.old" in cache.names()


def test_every_key_is_there_after_each_change_of_a_stopped_instance(cache: Cache) -> None:
    cache.run(RDB)
    for persistence in (AOF, RDB, AOF):
        cache.write()
        cache.host.wb("stop", cache.id)
        cache.run(persistence)


def test_what_runs_with_rm_loses_nothing_either(cache: Cache) -> None:
    cache.host.change(cache.id, restart="no")
    cache.run(RDB)
    for persistence in (AOF, RDB):
        cache.write()
        cache.run(persistence)
        cache.write()
        cache.host.wb("stop", cache.id)
        cache.run(OTHER[persistence])


def test_a_log_is_newer_than_the_snapshot_of_a_valkey_that_was_killed(cache: Cache) -> None:
    cache.run(AOF)
    cache.write()
    cache.host.valkey(cache.id, "save")
    cache.write()
    cache.die()
    cache.run(RDB)
    cache.write()
    cache.host.valkey(cache.id, "save")
    cache.die()
    cache.host.container(cache.name).remove()
    cache.run(AOF)


def test_an_old_log_beside_a_newer_snapshot_is_not_loaded(cache: Cache) -> None:
    cache.run(AOF)
    cache.write()
    cache.host.wb("stop", cache.id)
    log = cache.folder / "appendonlydir"
    shutil.copytree(log, cache.folder / "kept")
    cache.run(RDB)
    cache.write()
    cache.host.wb("stop", cache.id)
    (cache.folder / "kept").rename(log)
    (log / "wb.carried").unlink(missing_ok=True)
    cache.run(AOF)


def test_valkey_with_a_log_is_whole_after_a_kill_and_after_a_stop(cache: Cache) -> None:
    cache.run(AOF)
    cache.write()
    cache.die()
    cache.run(AOF)
    cache.write()
    cache.host.wb("stop", cache.id)
    cache.run(AOF)
    cache.host.wb("stop", cache.id)
    plan = cache.host.json("run", cache.id, "--dry-run")["instances"][0]["plan"]["steps"]
    assert not [step for step in plan if "carry" in step["operation"]], "compared once is enough"


def test_a_snapshot_is_no_further_work_where_nothing_changes(cache: Cache) -> None:
    cache.run(RDB)
    cache.write()
    cache.host.wb("stop", cache.id)
    plan = cache.host.json("run", cache.id, "--dry-run")["instances"][0]["plan"]["steps"]
    assert not [step for step in plan if "carry" in step["operation"]]


def test_another_limit_and_another_image_keep_every_key(cache: Cache) -> None:
    client, image = cache.host.client, cache.host.environ["WB_VALKEY_IMAGE"]
    client.images.get(image).tag("wb-test-valkey", cache.id)
    try:
        for persistence in (RDB, AOF):
            cache.run(persistence)
            cache.write()
            cache.host.change(cache.id, valkeyMaxMemory=f"{64 + cache.written}m")
            cache.run(persistence)
            cache.write()
            cache.host.wb("run", cache.id, WB_VALKEY_IMAGE=f"wb-test-valkey:{cache.id}")
            cache.is_whole(persistence)
    finally:
        cache.host.wb("stop", cache.id)
        client.images.remove(f"wb-test-valkey:{cache.id}")
