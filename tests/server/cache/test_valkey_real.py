"""The link's calls against a real Valkey."""

import pytest
import valkey as valkey_client

from wb_cli.server.cache import Cache, Loaded, LocalTier, RemoteTier
from wb_cli.server.cache.errors import RefusedError
from wb_cli.server.cache.valkey import ValkeyLink

pytestmark = pytest.mark.services


@pytest.fixture
async def link(valkey_url: str):
    link = ValkeyLink(valkey_url)
    link.start()
    assert await link.wait_ready(within=5)
    await link._writer.call(("FLUSHALL",))
    yield link
    await link.close()


async def test_a_value_that_is_written_is_read_back(link: ValkeyLink) -> None:
    assert await link.apply([(b"a", b"1"), (b"b", b"\x00\r\n")]) == [None, None]
    assert await link.get(b"a") == b"1"
    assert await link.get_many([b"b", b"none", b"a"]) == [b"\x00\r\n", None, b"1"]
    assert await link.prefixes([b"b", b"none", b"a"], 2) == [b"\x00\r", b"", b"1"]


async def test_a_key_of_another_type_is_refused_alone(link: ValkeyLink) -> None:
    await link._writer.call(("RPUSH", "list", "x"))
    await link.apply([(b"a", b"1")])
    with pytest.raises(RefusedError, match="WRONGTYPE"):
        await link.get(b"list")
    assert await link.get_many([b"list", b"a"]) == [None, b"1"]
    assert await link.prefixes([b"list", b"a"], 10) == [b"", b"1"]


async def test_deleted_keys_are_gone_and_others_are_not(link: ValkeyLink) -> None:
    await link.apply([(b"a", b"1"), (b"b", b"2")])
    await link.apply([(b"a", None)])
    assert await link.get_many([b"a", b"b"]) == [None, b"2"]


async def test_valkey_says_how_many_keys_it_has_and_how_much_memory(link: ValkeyLink) -> None:
    empty = await link.usage()
    await link.apply([(b"a%d" % n, b"x" * 1000) for n in range(500)])
    full = await link.usage()

    assert (empty.keys, full.keys) == (0, 500)
    assert full.bytes - empty.bytes > 500_000
    await link._writer.call(("CONFIG", "SET", "maxmemory", "64mb"))
    assert (await link.usage()).max_bytes == 64 * 1024**2
    await link._writer.call(("CONFIG", "SET", "maxmemory", "0"))
    assert (await link.usage()).max_bytes == 0


async def test_what_l2_lacks_in_many_parts_is_asked_for_once(
    link: ValkeyLink, valkey_url: str
) -> None:
    parts = [{f"{part}-{n}": "v1" for n in range(300)} for part in range(3)]
    cache = Cache("reports", LocalTier(2**24), RemoteTier(link), fingerprint="1.0")

    async def load() -> Loaded:
        return Loaded("found", "v1")

    with valkey_client.Valkey.from_url(valkey_url) as client:
        client.config_resetstat()
        for part in parts:
            await cache.hydrate_many(part)
        for part in parts:
            for uniqueness, version in part.items():
                await cache.get_or_load(uniqueness, version, load)
        calls, looked = client.info("commandstats"), client.info("stats")

    assert calls["cmdstat_get"]["calls"] == 1  # for the duration of earlier loads
    assert calls["cmdstat_mget"]["calls"] < 20
    assert looked["keyspace_misses"] == 900 + 1
