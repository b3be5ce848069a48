"""The supervisor against a scripted server: states, pauses and the exact log lines."""

import asyncio
import logging
import time

import pytest
from server.cache.connections import HANG, ScriptedServer

from wb_cli.server.cache.errors import BusyError, LoadingError, LostError, RefusedError
from wb_cli.server.cache.usage import Usage
from wb_cli.server.cache.valkey import LinkState, Timing, ValkeyLink

URL = "redis://:hunter2@demo-valkey:6379"
DOWN = ConnectionResetError("Error 111 connecting to demo-valkey:6379.")
LOADING = LoadingError("LOADING Valkey is loading the dataset in memory")


class Supervised:
    """A link whose supervisor looks at Valkey once in each step of the test."""

    def __init__(self, *replies: object, timing: Timing | None = None) -> None:
        self.server = ScriptedServer(*replies)
        self.pauses: list[float] = []
        self._steps = asyncio.Semaphore(0)
        self._waiting = asyncio.Event()
        self.link = ValkeyLink(
            URL, timing=timing, wait=self._wait, make_connection=self.server.connect
        )

    async def _wait(self, _nudge: asyncio.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        self._waiting.set()
        await self._steps.acquire()

    async def step(self) -> LinkState:
        """Let the supervisor look once."""
        self._waiting.clear()
        self.link.start()
        if self.pauses:
            self._steps.release()
        await self._waiting.wait()
        return self.link.state


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.set_level(logging.INFO, logger="wb_cli.server.cache")
    return LogLines(caplog)


class LogLines(list):
    """The log's messages, live."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def __eq__(self, other: object) -> bool:
        return [record.getMessage() for record in self._caplog.records] == other

    __hash__ = None

    def __repr__(self) -> str:
        return repr([record.getMessage() for record in self._caplog.records])


async def test_ready_is_logged_with_the_url_without_its_password(lines) -> None:
    valkey = Supervised(b"PONG")
    assert await valkey.step() is LinkState.READY
    await valkey.link.close()
    assert lines == [
        "[Valkey] Ready",
        "[Valkey] Connected to redis://demo-valkey:6379",
        "[Valkey] Disconnected",
    ]


async def test_a_server_that_is_down_at_boot_is_said_once_and_retried_ever_more_slowly(
    lines,
) -> None:
    valkey = Supervised(DOWN)
    for _ in range(7):
        assert await valkey.step() is LinkState.LOST
    await valkey.link.close()
    assert lines == [
        f"[Valkey] Could not connect ({DOWN}). Cache will be in-memory only.",
    ]
    assert valkey.pauses[0] == valkey.link.timing.first_retry
    assert valkey.pauses == sorted(valkey.pauses)
    assert valkey.pauses[-1] == valkey.link.timing.last_retry < 1


async def test_a_server_that_comes_later_is_connected(lines) -> None:
    valkey = Supervised(DOWN, b"PONG")
    await valkey.step()
    assert await valkey.step() is LinkState.READY
    await valkey.link.close()
    assert lines == [
        f"[Valkey] Could not connect ({DOWN}). Cache will be in-memory only.",
        "[Valkey] Ready",
        "[Valkey] Connected to redis://demo-valkey:6379",
        "[Valkey] Disconnected",
    ]


async def test_loss_and_return_are_logged_and_called_back(lines) -> None:
    valkey = Supervised(b"PONG", DOWN, DOWN, DOWN, b"PONG")
    returns = []
    valkey.link.on_ready(lambda: returns.append(valkey.link.state))
    states = [await valkey.step() for _ in range(4)]
    await valkey.link.close()
    assert states == [LinkState.READY, LinkState.LOST, LinkState.LOST, LinkState.READY]
    assert returns == [LinkState.READY, LinkState.READY]
    assert lines == [
        "[Valkey] Ready",
        "[Valkey] Connected to redis://demo-valkey:6379",
        f"[Valkey] Connection error: {DOWN}",
        "[Valkey] Ready",
        "[Valkey] Disconnected",
    ]


async def test_loading_is_neither_ready_nor_lost(lines) -> None:
    valkey = Supervised(LOADING, LOADING, b"PONG")
    assert await valkey.step() is LinkState.LOADING
    assert not valkey.link.is_ready
    assert await valkey.step() is LinkState.LOADING
    assert await valkey.step() is LinkState.READY
    await valkey.link.close()
    assert lines == [
        f"[Valkey] Connection error: {LOADING}",
        "[Valkey] Ready",
        "[Valkey] Connected to redis://demo-valkey:6379",
        "[Valkey] Disconnected",
    ]


async def test_a_server_that_accepts_and_does_not_answer_is_lost(lines) -> None:
    valkey = Supervised(HANG, timing=Timing(probe=0.01))
    assert await valkey.step() is LinkState.LOST
    await valkey.link.close()
    assert lines == [
        "[Valkey] Could not connect (no answer within 0.01 s). Cache will be in-memory only.",
    ]


async def test_something_else_on_the_port_is_not_ready() -> None:
    valkey = Supervised(b"HTTP/1.1 400")
    assert await valkey.step() is LinkState.LOST
    await valkey.link.close()


async def test_a_malformed_url_leaves_the_cache_in_memory(lines) -> None:
    link = ValkeyLink("redis://:hun/ter2@host")
    link.start()
    assert not await link.wait_ready(within=0.01)
    await link.close()
    assert link.state is LinkState.CLOSED
    assert lines == [
        "[Valkey] Could not connect (not a valid URL). Cache will be in-memory only.",
    ]


async def test_waiting_for_ready_ends_when_it_is() -> None:
    valkey = Supervised(LOADING, b"PONG")
    await valkey.step()
    waiter = asyncio.create_task(valkey.link.wait_ready(within=60))
    await valkey.step()
    assert await waiter
    await valkey.link.close()


async def test_a_read_that_is_not_answered_raises_lost_at_its_deadline() -> None:
    link = Supervised(HANG, timing=Timing(deadline=0.01)).link
    with pytest.raises(LostError, match="no answer within"):
        await link.get(b"key")


async def test_waiting_for_a_connection_does_not_blame_the_server() -> None:
    timing = Timing(deadline=0.2, batch_deadline=0.01)
    server = ScriptedServer(HANG)
    link = ValkeyLink(URL, readers=1, timing=timing, make_connection=server.connect)
    slow = asyncio.create_task(link.get(b"a"))
    await asyncio.sleep(0)
    with pytest.raises(BusyError, match="no free connection"):
        await link.get(b"key")
    slow.cancel()


async def test_a_caller_that_leaves_at_its_turn_passes_the_connection_on() -> None:
    server = ScriptedServer(HANG, b"value")
    link = ValkeyLink(URL, readers=1, make_connection=server.connect)
    first, second, third = (asyncio.create_task(link.get(b"key")) for _ in range(3))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0)
    second.cancel()
    assert await third == b"value"
    assert link._readers._idle


async def test_a_burst_is_served_in_its_turn() -> None:
    link = Supervised(b"value", timing=Timing(deadline=0.01)).link
    assert set(await asyncio.gather(*(link.get(b"key") for _ in range(500)))) == {b"value"}


async def test_callers_in_line_wait_no_longer_than_the_callers_in_front() -> None:
    server = ScriptedServer(HANG)
    link = ValkeyLink(URL, timing=Timing(deadline=0.05), make_connection=server.connect)
    results = await asyncio.gather(*(link.get(b"key") for _ in range(50)), return_exceptions=True)
    kinds = [type(result) for result in results]
    assert (kinds.count(LostError), kinds.count(BusyError)) == (4, 46)
    assert len(server.commands) == 4


async def test_a_timer_that_fires_late_does_not_blame_the_server() -> None:
    server = ScriptedServer(HANG, b"value")
    link = ValkeyLink(URL, timing=Timing(deadline=0.01), make_connection=server.connect)
    asked = asyncio.create_task(link.get(b"key"))
    await asyncio.sleep(0)
    time.sleep(0.1)  # noqa: ASYNC251  (the event loop is blocked: that is the case in question)
    assert await asked == b"value"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (LOADING, LoadingError),
        (RefusedError("WRONGTYPE"), RefusedError),
        (LostError("NOAUTH"), LostError),
        ([b"one", RefusedError("within")], RefusedError),
        (UnicodeError("label too long"), LostError),
        (DOWN, LostError),
    ],
)
async def test_an_error_in_place_of_a_value_is_raised_as_ours(
    reply: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await Supervised(reply).link.get(b"key")


async def test_a_connection_that_died_while_idle_is_replaced_within_the_call() -> None:
    valkey = Supervised(b"one", DOWN, b"two")
    assert await valkey.link.get(b"key") == b"one"
    assert await valkey.link.get(b"key") == b"two"


async def test_a_pipeline_reports_each_refusal_by_itself() -> None:
    oom = RefusedError("OOM command not allowed")
    link = Supervised(b"OK", oom, b"OK").link
    first, second, third = await link.apply([(b"a", b"1"), (b"b", b"2"), (b"c", None)])
    assert (first, third) == (None, None)
    assert isinstance(second, RefusedError)


async def test_a_usage_that_valkey_refuses_to_tell_is_an_error_and_no_number():
    refused = ScriptedServer(12, RefusedError("NOPERM no permission"))
    link = ValkeyLink(URL, make_connection=refused.connect)

    with pytest.raises(RefusedError, match="NOPERM"):
        await link.usage()
    await link.close()


async def test_a_usage_without_numbers_for_memory_counts_as_zero():
    told = ScriptedServer(12, b"# Memory\r\nused_memory:99\r\nused_memory_human:99B\r\n")
    link = ValkeyLink(URL, make_connection=told.connect)

    assert await link.usage() == Usage(keys=12, bytes=99, max_bytes=0)
    await link.close()
