"""Every fault of a real Valkey: no request fails, and none waits longer than one deadline."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time

import pytest
from faults.processes import Process, run_process, wait_for
from support.services import Services, free_port, speaks, wait_until
from valkey import Valkey

from wb_cli.server.cache.entry import GarbageError, decode, encode
from wb_cli.server.cache.valkey import LinkState, Timing

pytestmark = [pytest.mark.services, pytest.mark.long]

DEADLINE = 0.15
# The time that a busy machine may add to a deadline.
SLACK = 0.25
BURST = 12_000


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="wb_cli.server.cache")
    return caplog


async def run_in_thread(function, *arguments):
    return await asyncio.to_thread(function, *arguments)


def count_clients(url: str) -> int:
    """Count the connections of Valkey, without the connection that asks."""
    with Valkey.from_url(url) as client:
        return client.info("clients")["connected_clients"] - 1


async def check_return_within_a_second(asked: Process, port: int) -> None:
    """Check that L2 is in use within a second after Valkey answers again."""
    await run_in_thread(wait_until, lambda: speaks(port, b"PING\r\n", b"+PONG"), "Valkey")
    answered = time.monotonic()
    while not await asked.uses_l2():
        assert time.monotonic() - answered < 1, "L2 was not used within a second of ready"
        await asyncio.sleep(0.01)


async def test_a_valkey_that_is_absent_at_boot_is_used_once_it_is_there(
    services: Services, log
) -> None:
    port = free_port()
    url = f"redis://127.0.0.1:{port}"
    async with run_process(url, ready=False) as asked:
        assert await asked.measure("a") < SLACK
        await wait_for(lambda: asked.link.state is LinkState.LOST, "the loss")
        assert await asked.measure("b") < SLACK
        valkey = await run_in_thread(lambda: services.new_valkey(port=port))
        await check_return_within_a_second(asked, valkey.port)
        assert await asked.l2.flush() == 0
        kept = await asked.link.get_many([b"cache:reports:a", b"cache:reports:b"])
        assert None not in kept
    lines = log.messages
    assert lines[0].startswith("[Valkey] Could not connect (")
    assert lines[0].endswith("). Cache will be in-memory only.")
    assert lines[1:] == ["[Valkey] Ready", f"[Valkey] Connected to {url}", "[Valkey] Disconnected"]


async def test_a_valkey_that_was_killed_and_started_again_is_used_again(
    services: Services, log
) -> None:
    valkey = await run_in_thread(services.new_valkey)
    async with run_process(valkey.url) as asked:
        assert await asked.uses_l2()
        await run_in_thread(valkey.container.kill)
        times = [await asked.measure(f"during {n}") for n in range(200)]
        assert max(times) < DEADLINE + SLACK
        await wait_for(lambda: not asked.link.is_ready, "the loss")
        await run_in_thread(valkey.container.start)
        await check_return_within_a_second(asked, valkey.port)
        assert await asked.l2.flush() == 0
        assert [found async for found in find_stored(asked, "during 0", "during 199")] == [
            True,
            True,
        ]
    assert [line for line in log.messages if line.startswith("[Valkey] Connection error: ")]
    assert log.messages.count("[Valkey] Ready") == 2


def count_waits(times: list[float]) -> int:
    """Count the requests that waited for a deadline, or were late as the machine was busy."""
    return sum(seconds > DEADLINE / 2 for seconds in times)


async def find_stored(asked: Process, *names: str):
    """Tell for each name whether Valkey has it."""
    for name in names:
        yield await asked.link.get(f"cache:reports:{name}".encode()) is not None


@pytest.mark.parametrize(
    ("stop", "resume"),
    [
        (lambda c: c.kill(signal="SIGSTOP"), lambda c: c.kill(signal="SIGCONT")),
        (lambda c: c.pause(), lambda c: c.unpause()),
    ],
    ids=["SIGSTOP", "paused"],
)
async def test_a_hung_server_costs_one_deadline_and_then_nothing(
    services: Services, stop, resume
) -> None:
    valkey = await run_in_thread(services.new_valkey)
    async with run_process(valkey.url) as asked:
        assert await asked.uses_l2()
        await run_in_thread(stop, valkey.container)
        together = await asyncio.gather(*(asked.measure(f"together {n}") for n in range(50)))
        after = [await asked.measure(f"after {n}") for n in range(300)]
        await wait_for(lambda: asked.link.state is LinkState.LOST, "the loss")
        later = [await asked.measure(f"later {n}") for n in range(300)]
        await run_in_thread(resume, valkey.container)
        await check_return_within_a_second(asked, valkey.port)
        assert await asked.l2.flush() == 0
        assert [found async for found in find_stored(asked, "after 0", "later 299")] == [True] * 2
    assert max(together) < DEADLINE + SLACK
    assert count_waits(after) <= 3
    assert count_waits(later) <= 3
    assert asked.loads >= 650


async def test_requests_wait_while_a_large_snapshot_is_loaded_and_none_is_a_miss(
    services: Services, log
) -> None:
    valkey = await run_in_thread(
        lambda: services.new_valkey(
            "valkey-server", "--save", "60", "1", "--enable-debug-command", "yes"
        )
    )
    async with run_process(valkey.url) as before:
        await before.ask("kept")
        assert await before.l2.flush() == 0
        await run_in_thread(
            valkey.container.exec_run, "valkey-cli debug populate 1000000 filler 40"
        )
    await run_in_thread(valkey.container.restart)
    async with run_process(valkey.url, ready=False) as asked:
        await wait_for(lambda: asked.link.state is LinkState.LOADING, "LOADING")
        assert await asked.measure("while loading") < DEADLINE + SLACK
        assert asked.cache.counts.misses == {"l2_not_ready": 1}
        assert await asked.link.wait_ready(within=30)
        hydration = await asked.cache.hydrate_many({"kept": "v1"})
        assert hydration.hydrated == ["kept"]
    assert any(line.startswith("[Valkey] Connection error: LOADING") for line in log.messages)


async def test_a_valkey_without_memory_refuses_writes_and_nothing_else(
    services: Services, log
) -> None:
    valkey = await run_in_thread(services.new_valkey)
    async with run_process(valkey.url) as asked:
        await asked.ask("early")
        assert await asked.l2.flush() == 0
        await asked.link._writer.call(("CONFIG", "SET", "maxmemory", "100kb"))
        for n in range(100):
            await asked.measure(f"late {n}")
        assert await asked.l2.flush() > 0  # they wait, to be tried again
        asked.cache._shelf.clear()
        await asked.ask("early")
        assert asked.cache.counts.l2_hits == 1
        await asked.link._writer.call(("CONFIG", "SET", "maxmemory", "0"))
        for _ in range(20):  # the pause before the next try may be a long one by now
            if await asked.l2.flush() == 0:
                break
        assert await asked.uses_l2()
    refusals = [line for line in log.messages if "refuses writes" in line]
    assert len(refusals) == 1
    assert "used memory" in refusals[0]
    assert "[Cache] Valkey takes writes again" in log.messages


async def test_garbage_under_the_cache_s_keys_is_loaded_again_and_replaced(
    services: Services,
) -> None:
    good = encode({"of": "x", "in": "v1"}, "v1", "1.0").wire()
    garbage = {
        "list": None,
        "empty": b"",
        "rubbish": os.urandom(1000),
        "truncated": good[:-3],
        "version": encode({}, "v0", "1.0").wire(),
        "foreign": encode({}, "v1", "0.9").wire(),
        "huge": b'{"versionHash":' + b"x" * 1_000_000,
    }
    async with run_process(services.valkey().url) as asked:
        for name, wire in garbage.items():
            await asked.link.apply([(f"cache:reports:{name}".encode(), wire)])
        await asked.link._writer.call(("RPUSH", "cache:reports:list", "x"))
        missing = (await asked.cache.hydrate_many(dict.fromkeys(garbage, "v1"))).missing
        assert missing.keys() == garbage.keys()
        for name in garbage:
            assert (await asked.ask(name)).value() == {"of": name, "in": "v1"}
        assert asked.loads == len(garbage)
        assert await asked.l2.flush() == 0
        asked.cache._shelf.clear()
        hydrated = (await asked.cache.hydrate_many(dict.fromkeys(garbage, "v1"))).hydrated
        assert set(hydrated) == set(garbage)


async def test_a_wrong_password_leaves_the_cache_in_memory_and_out_of_the_log(
    services: Services, log
) -> None:
    valkey = await run_in_thread(services.new_valkey)
    async with run_process(valkey.url) as asked:
        await asked.link._writer.call(("CONFIG", "SET", "requirepass", "right"))
    log.clear()
    wrong = valkey.url.replace("//", "//:hunter2@")
    async with run_process(wrong, ready=False) as asked:
        await wait_for(lambda: asked.link.state is LinkState.LOST, "the refusal")
        assert await asked.measure("a") < SLACK
    async with run_process(valkey.url.replace("//", "//:right@")) as asked:
        assert await asked.uses_l2()
    assert f"[Valkey] Connected to {valkey.url}" in log.messages
    assert "hunter2" not in log.text
    assert "right" not in log.text


async def test_a_full_queue_is_flushed_within_its_budget(services: Services) -> None:
    async with run_process(services.valkey().url) as asked:
        for n in range(500):
            asked.l2.write(b"full:%d" % n, encode("x" * 100_000, "v1", "1.0"), 1)
            asked.l2.write(b"plain:%d" % n, encode(n, "v1", "1.0"), 1)
        started = time.monotonic()
        await asked.l2.close()
        assert time.monotonic() - started < 2.5
        assert len(asked.l2.queue) == 0


async def test_closing_on_a_hung_server_keeps_to_its_budget(services: Services) -> None:
    valkey = await run_in_thread(services.new_valkey)
    async with run_process(valkey.url) as asked:
        await run_in_thread(lambda: valkey.container.kill(signal="SIGSTOP"))
        for n in range(500):
            asked.l2.write(b"%d" % n, encode(n, "v1", "1.0"), 1)
        started = time.monotonic()
        await asked.l2.close()
        await asked.link.close()
        assert time.monotonic() - started < 3
    await run_in_thread(lambda: valkey.container.kill(signal="SIGCONT"))


async def test_3000_requests_at_once_open_eight_connections_at_most(services: Services) -> None:
    valkey = await run_in_thread(services.new_valkey)
    async with run_process(valkey.url) as asked:
        await asyncio.gather(*(asked.measure(f"{n}") for n in range(3000)))
        assert await asked.l2.flush() == 0
        clients = await run_in_thread(count_clients, valkey.url)
        assert clients <= 8
        assert (await asked.link.usage()).keys >= 3000


async def test_a_burst_on_a_healthy_valkey_is_served_from_it(services: Services) -> None:
    """Though all of it takes longer than a deadline, which counts from when a call has its turn.

    One that no busy machine misses: the whole line is sent away when a call does.
    """
    timing = Timing(deadline=3, batch_deadline=30)
    async with run_process(services.valkey().url, timing=timing) as asked:
        names = [f"burst {n}" for n in range(BURST)]
        await asyncio.gather(*map(asked.ask, names))
        assert await asked.l2.flush(within=30) == 0
        asked.cache._shelf.clear()
        await asyncio.gather(*map(asked.ask, names))
        assert asked.cache.counts.l2_hits == BURST
        assert asked.loads == BURST


WRITER = """
import asyncio, sys
from wb_cli.server.cache import LocalTier, RemoteTier, ValkeyLink
from wb_cli.server.cache.entry import encode

async def main():
    link = ValkeyLink(sys.argv[1]); link.start()
    l2 = RemoteTier(link); l2.start()
    await link.wait_ready(within=10)
    order = 0
    while True:
        order += 1
        for n in range(200):
            l2.write(b"killed:%d" % n, encode([order] * 3000, f"v{order}", "1.0"), order)
        await l2.flush()
        print(order, flush=True)

asyncio.run(main())
"""


async def test_a_process_killed_while_writing_behind_leaves_only_whole_entries(
    services: Services,
) -> None:
    url = services.valkey().url
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, url, stdout=subprocess.PIPE
    )
    for _ in range(3):
        await writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    assert await writer.wait() == -signal.SIGKILL
    async with run_process(url) as asked:
        keys = [b"killed:%d" % n for n in range(200)]
        wires = await asked.link.get_many(keys)
    for wire in wires:
        try:
            entry = decode(wire)
        except GarbageError:
            pytest.fail("a torn entry")
        assert entry.value() == [int(entry.version[1:])] * 3000
