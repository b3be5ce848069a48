"""Valkey keeps its data through every change of its persistence, on real Valkeys."""

import shutil
from collections.abc import Iterator

import pytest
from support.kept import AOF, OTHER, RDB, Cache
from support.platform_stand_in import Platforms
from support.services import wait_until
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.long]


@pytest.fixture
def cache(host: Host) -> Iterator[Cache]:
    cache = Cache(host, host.prepare())
    yield cache
    host.wb("stop", cache.id)


def test_every_key_is_there_after_each_change_of_a_running_valkey(cache: Cache) -> None:
    cache.run(RDB)
    for persistence, verb in ((AOF, "run"), (RDB, "restart"), (AOF, "restart"), (RDB, "run")):
        cache.write()
        cache.run(persistence, verb)
    assert "appendonlydir" not in cache.names()
    assert "appendonlydir.old" in cache.names()


def test_every_key_is_there_after_each_change_of_a_stopped_instance(cache: Cache) -> None:
    cache.run(RDB)
    for persistence in (AOF, RDB, AOF):
        cache.write()
        cache.host.wb("stop", cache.id)
        assert not [step for step in cache.plan() if "carry" in step], "nothing changes yet"
        cache.run(persistence)


def test_a_valkey_that_runs_with_rm_loses_nothing(cache: Cache) -> None:
    cache.host.change(cache.id, restart="no")
    cache.run(RDB)
    cache.write()
    cache.run(AOF)
    cache.write()
    cache.host.wb("stop", cache.id)
    cache.run(RDB)


def test_a_killed_valkey_loses_nothing_though_its_snapshot_is_older_than_its_log(
    cache: Cache,
) -> None:
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


def test_a_valkey_with_a_log_has_every_key_after_a_kill_and_after_a_stop(cache: Cache) -> None:
    cache.run(AOF)
    cache.write()
    cache.die()
    cache.run(AOF)
    cache.write()
    cache.host.wb("stop", cache.id)
    cache.run(AOF)
    cache.host.wb("stop", cache.id)
    assert not [step for step in cache.plan() if "carry" in step], "compared once is enough"


def test_another_limit_and_another_image_keep_every_key(cache: Cache) -> None:
    client, image = cache.host.client, cache.host.environ["WB_VALKEY_IMAGE"]
    client.images.get(image).tag("wb-test-valkey", cache.id)
    try:
        for persistence in (RDB, AOF):
            cache.run(persistence)
            cache.write()
            cache.host.change(cache.id, valkeyMaxMemory=f"{64 + cache.written}m")
            cache.host.wb("run", cache.id, WB_VALKEY_IMAGE=f"wb-test-valkey:{cache.id}")
            cache.is_whole(persistence)
    finally:
        cache.host.wb("stop", cache.id)
        client.images.remove(f"wb-test-valkey:{cache.id}")


def test_a_run_that_fails_brings_the_old_valkey_back_with_every_key(
    cache: Cache, platforms: Platforms
) -> None:
    for persistence in (RDB, AOF):
        cache.host.change(cache.id, image=platforms("healthy"))
        cache.run(persistence)
        cache.write()
        cache.host.change(cache.id, image=platforms("exits"))
        cache.keep(OTHER[persistence])
        cache.host.wb("run", cache.id, exits=ExitCode.FAILURE)
        wait_until(cache.answers, "the old Valkey")
        cache.is_whole(persistence)
        cache.write()
