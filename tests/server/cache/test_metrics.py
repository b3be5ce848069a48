"""The numbers, as Prometheus reads them."""

import re

from prometheus_client import CollectorRegistry, generate_latest
from server.cache.one_process import Loader, Process

from wb_cli.server.cache import CacheCollector
from wb_cli.server.cache.errors import LostError

LINE = re.compile(r'[a-z0-9_]+(\{([a-z]+="[^"\n]*",?)+\})? -?[0-9.e+-]+')


def numbers(process: Process) -> dict[str, float]:
    """Every sample by its name and labels, after checking each line."""
    caches = [process.cache, process.memory_only]
    collector = CacheCollector(caches, process.l1, process.l2)
    registry = CollectorRegistry()
    registry.register(collector)
    lines = generate_latest(registry).decode().splitlines()
    samples = [line for line in lines if not line.startswith("# ")]
    assert all(LINE.fullmatch(line) for line in samples)
    metrics = list(collector.collect())
    assert len({metric.name for metric in metrics}) == len(metrics)
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in samples)}


async def test_answers_are_counted_by_tier_and_reason(process: Process) -> None:
    await process.get("v1", Loader())
    await process.get("v1", Loader())
    await process.get("v2", Loader("x", "v3"))
    await process.memory_only.get_or_load("a", "v1", Loader())
    await process.l2.flush()
    process.cache._shelf.clear()
    await process.get("v1", Loader())
    found = numbers(process)
    assert found['wb_cache_hits_total{cache="reports",tier="l1"}'] == 1
    assert found['wb_cache_hits_total{cache="reports",tier="l2"}'] == 1
    assert found['wb_cache_misses_total{cache="reports",reason="absent"}'] == 1
    assert found['wb_cache_misses_total{cache="options",reason="not_persisted"}'] == 1
    assert found['wb_cache_unstored_total{cache="reports",reason="other_version"}'] == 1
    assert found['wb_cache_load_seconds_count{cache="reports"}'] == 2
    assert found['wb_cache_load_seconds_bucket{cache="reports",le="+Inf"}'] == 2
    assert found['wb_cache_entries{cache="reports"}'] == 1
    assert found["wb_cache_l1_bytes"] > 0


async def test_an_outage_shows_in_the_queue_and_the_breaker(process: Process) -> None:
    process.store.fault = LostError("gone")
    for n in range(5):
        await process.cache.get_or_load(f"{n}", "v1", Loader())
    found = numbers(process)
    assert found["wb_cache_l2_queue_depth"] > 0
    assert found["wb_cache_l2_queue_bytes"] > 0
    assert found['wb_cache_l2_breaker{state="open"}'] == 1
    assert found["wb_cache_l2_breaker_openings_total"] == 1
    process.store.fault = None
