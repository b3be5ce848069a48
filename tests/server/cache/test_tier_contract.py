"""Rules for every tier: L1, L2 on a store in memory, and L2 on a real Valkey."""

import os

import pytest
from server.cache.tiers import L1, L2, Tier

from wb_cli.server.cache.entry import Encoding, encode
from wb_cli.server.cache.valkey import ValkeyLink

DATA = {
    "small": {"rows": [1, 2.5, None, "é"]},
    "large": [{"facility": f"Facility {n}", "value": n / 7} for n in range(2000)],
    "incompressible": os.urandom(20_000).hex(),
    "nothing": None,
}


@pytest.fixture(
    params=[
        "L1",
        "L2 in memory",
        pytest.param("L2 on Valkey", marks=pytest.mark.services),
    ]
)
async def tier(request: pytest.FixtureRequest):
    if request.param == "L1":
        yield L1()
        return
    link = None
    if request.param == "L2 on Valkey":
        link = ValkeyLink(request.getfixturevalue("valkey_url"))
        link.start()
        assert await link.wait_ready(within=10)
        await link._writer.call(("FLUSHALL",))
    tier = L2(link)
    yield tier
    await tier.tier.close()
    if link is not None:
        await link.close()


@pytest.mark.parametrize("name", DATA)
async def test_an_entry_comes_back_byte_for_byte(tier: Tier, name: str) -> None:
    entry = encode(DATA[name], "v1", "1.0")
    assert await tier.put("contract:a", entry, 1)
    found = await tier.get("contract:a")
    assert (found.version, found.fingerprint, found.body) == ("v1", "1.0", entry.body)
    assert found.encoding is entry.encoding
    assert found.value() == DATA[name]


def test_the_data_covers_both_encodings() -> None:
    encodings = {encode(data, "v1", "1.0").encoding for data in DATA.values()}
    assert encodings == {Encoding.IDENTITY, Encoding.ZSTD}


async def test_a_key_without_an_entry_gives_none(tier: Tier) -> None:
    assert await tier.get("contract:none") is None


async def test_a_newer_entry_takes_the_place_of_an_older(tier: Tier) -> None:
    await tier.put("contract:a", encode(1, "v1", "1.0"), 1)
    assert await tier.put("contract:a", encode(2, "v2", "1.0"), 2)
    assert (await tier.get("contract:a")).version == "v2"


async def test_an_older_entry_never_takes_the_place_of_a_newer(tier: Tier) -> None:
    await tier.put("contract:a", encode(2, "v2", "1.0"), 2)
    assert not await tier.put("contract:a", encode(1, "v1", "1.0"), 1)
    assert (await tier.get("contract:a")).version == "v2"


async def test_keys_are_apart(tier: Tier) -> None:
    await tier.put("contract:a", encode(1, "v1", "1.0"), 1)
    await tier.put("contract:a|b\r\n é", encode(2, "v1", "1.0"), 1)
    assert (await tier.get("contract:a")).value() == 1
    assert (await tier.get("contract:a|b\r\n é")).value() == 2


async def test_a_deleted_entry_is_gone_and_may_be_stored_again(tier: Tier) -> None:
    await tier.put("contract:a", encode(1, "v1", "1.0"), 1)
    await tier.delete("contract:a", 2)
    assert await tier.get("contract:a") is None
    assert await tier.put("contract:a", encode(3, "v1", "1.0"), 3)
    assert (await tier.get("contract:a")).value() == 3
