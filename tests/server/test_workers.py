"""Several workers of one server: they answer as one, and end as one."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.platform_data import ENTRIES, execute, is_a_query_held_up, locked_results
from support.platform_server import AUTHORIZED, PlatformServer
from support.services import wait_until

from wb_cli.server.cache.leases import LEASE_S
from wb_cli.server.process.supervisor import FAILURES_ALLOWED

pytestmark = [pytest.mark.services, pytest.mark.long]

NORTH = "/api/projects/north/objects/by-area"
ITEMS = f"{NORTH}/items"


def children(pid: int) -> list[int]:
    """The processes that a process has started, the oldest first."""
    return [int(it) for it in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    """Whether a process runs. One that has ended and waits to be noted does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def sums(server: PlatformServer, name: str) -> float:
    """A metric, of all workers together."""
    families = text_string_to_metric_families(server.http.get("/metrics").text)
    return sum(it.value for family in families for it in family.samples if it.name == name)


@contextmanager
def a_client_of_each(server: PlatformServer, count: int) -> Iterator[list[httpx.Client]]:
    """A connection to each worker. Which worker has it, the page says."""
    with ExitStack() as closing:
        found: dict[str, httpx.Client] = {}

        def look() -> bool:
            client = closing.enter_context(
                httpx.Client(base_url=server.http.base_url, headers=AUTHORIZED, timeout=10)
            )
            text = client.get("/").text
            number = text.partition("This is worker ")[2].partition(" ")[0]
            found.setdefault(number, client)
            return len(found) == count

        wait_until(look, "a connection to each worker")
        yield [found[number] for number in sorted(found)]


def loads(server: PlatformServer, cache: str) -> float:
    """How many loads of a cache all workers have begun."""
    families = text_string_to_metric_families(server.http.get("/metrics").text)
    return sum(
        it.value
        for family in families
        for it in family.samples
        if it.name == "wb_cache_misses_total" and it.labels["cache"] == cache
    )


def touch(client: httpx.Client) -> str:
    """Move the object's version by one worker."""
    return str(client.post(f"{NORTH}/touch").raise_for_status().json()["lastUpdated"])


def test_what_one_worker_acknowledged_no_other_answers_older(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="2")
    with a_client_of_each(server, 2) as (one, other):
        for writer, reader in ((one, other), (other, one)) * 10:
            reader.get(NORTH).raise_for_status()
            version = touch(writer)

            assert reader.get(NORTH).json()["lastUpdated"] == version


def test_what_is_cleared_by_one_worker_is_cleared_in_all(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="2")
    with a_client_of_each(server, 2) as (one, other):
        wait_until(lambda: server.health()["l1"]["entries"] == 2 * ENTRIES, "both are warm")

        cleared = one.delete("/api/caches").raise_for_status().json()["cleared"]

        assert sum(cleared.values()) == 2 * ENTRIES
        assert other.get(f"{NORTH}/cache").json()["items"]["status"] in ("stale", "absent")


def test_a_change_from_outside_is_seen_by_all_workers_within_the_bound(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="2")
    with a_client_of_each(server, 2) as clients:
        for client in clients:
            client.get(NORTH).raise_for_status()
        execute(demo.postgres_url, "north", "UPDATE presentation_objects SET label = 'Anew'")

        for client in clients:
            wait_until(lambda: client.get(NORTH).json()["label"] == "Anew", "it is seen", 2)  # noqa: B023


def test_the_bounds_are_those_of_the_whole(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="2", L1_MAX_MIB="64")

    wait_until(lambda: server.health()["workers"] == {"count": 2, "answering": 2}, "both answer")
    assert server.health()["l1"]["maxBytes"] == 64 * 1024 * 1024
    assert server.metric("wb_cache_l1_max_bytes", worker="1") == 32 * 1024 * 1024
    assert sums(server, "wb_database_connections") <= 44


def test_each_sample_names_its_worker_and_what_is_of_all_stands_once(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="2")
    with a_client_of_each(server, 2) as clients:
        for client in clients:
            client.get(ITEMS).raise_for_status()

        for worker in ("1", "2"):
            assert server.metric("wb_worker_up", worker=worker) == 1
            asked = {"endpoint": "object_items", "status": "200", "worker": worker}
            assert server.metric("wb_http_requests_total", **asked) == 1
        assert server.metric("wb_l2_keys") is not None


def test_a_worker_that_does_not_answer_is_shown_as_that(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="2")
    pid = children(server.process.pid)[0]
    with a_client_of_each(server, 2) as (_, other):
        os.kill(pid, signal.SIGSTOP)
        try:
            text = other.get("/metrics").text
            health = other.get("/health_check").json()
            hour = other.get("/metrics/hour").json()
            page = other.get("/").text
        finally:
            os.kill(pid, signal.SIGCONT)

    assert 'wb_worker_up{worker="1"} 0.0' in text
    assert 'wb_uptime_seconds{worker="1"}' not in text
    assert health["workers"] == hour["workers"] == {"count": 2, "answering": 1}
    assert "1 of 2 workers answer" in page


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_and_loses_nothing(demo: Any, number: int) -> None:
    server = demo.start_warm(WEB_WORKERS="2")
    workers = children(server.process.pid)
    with demo.valkey() as client, a_client_of_each(server, 2) as (one, other):
        client.flushall()
        client.client_pause(700, all=False)
        one.delete("/api/caches").raise_for_status()
        one.get(ITEMS).raise_for_status()
        other.get("/api/projects/north/objects/by-month/items").raise_for_status()

        assert server.stop(number) == 0, server.log

        assert len(client.keys("cache:po_items:*")) == 2
    assert not any(map(is_alive, workers))
    assert "Traceback" not in server.log


def test_a_killed_worker_is_replaced_and_its_siblings_go_on(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="2")
    killed, spared = children(server.process.pid)
    over, wrong = threading.Event(), list[Any]()

    def ask_anew() -> None:
        """Each question on a connection of its own."""
        while not over.is_set():
            answer = httpx.get(f"{server.http.base_url}{NORTH}", timeout=10)
            if answer.status_code != 200:
                wrong.append(answer.text)

    with a_client_of_each(server, 2) as (_, other):
        os.kill(killed, signal.SIGKILL)
        with ThreadPoolExecutor(1) as thread:
            asking = thread.submit(ask_anew)
            server.wait_for_line("[Server] Listening", times=3)
            wait_until(lambda: server.health()["workers"]["answering"] == 2, "it is replaced")
            over.set()
            asking.result()
        assert other.get(NORTH).status_code == 200

    assert wrong == []
    assert killed not in children(server.process.pid)
    assert spared in children(server.process.pid)
    assert "[Workers] 1 was ended by SIGKILL. Another takes its place" in server.log


def test_workers_that_die_at_once_again_and_again_end_the_whole(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="2")
    workers = set(children(server.process.pid))
    for _ in range(FAILURES_ALLOWED):
        last = max(children(server.process.pid))
        os.kill(last, signal.SIGKILL)
        wait_until(
            lambda: server.has_exited() or last not in children(server.process.pid),  # noqa: B023
            "it is replaced",
        )

    assert server.wait_exit() == 1
    assert "It is not the first: all end" in server.log
    assert not any(map(is_alive, workers))


def test_no_worker_outlives_a_killed_parent(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="2")
    workers = children(server.process.pid)
    with demo.valkey() as client, a_client_of_each(server, 2) as (one, _):
        client.flushall()
        client.client_pause(700, all=False)
        one.delete("/api/caches").raise_for_status()
        one.get(ITEMS).raise_for_status()

        server.stop(signal.SIGKILL)

        wait_until(lambda: not any(map(is_alive, workers)), "no process is left", 8)
        assert len(client.keys("cache:po_items:*")) == 1


def loads_of_a_burst(demo: Any, server: PlatformServer, clients: list[httpx.Client]) -> float:
    """How many loads of one cold object 20 callers cause, on connections to all workers."""
    clients[0].delete("/api/caches").raise_for_status()
    before = loads(server, "po_items")
    with locked_results(demo.postgres_url) as release, ThreadPoolExecutor(20) as callers:
        url = f"{server.http.base_url}{ITEMS}"
        asked = [callers.submit(httpx.get, url, timeout=30) for _ in range(16)]
        asked += [callers.submit(client.get, ITEMS) for client in clients]
        wait_until(lambda: is_a_query_held_up(demo.postgres_url), "the load runs")
        release()
        bodies = {it.result().raise_for_status().text for it in asked}
    assert len(bodies) == 1
    return loads(server, "po_items") - before


def test_callers_on_all_workers_cause_one_load(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="4")
    with a_client_of_each(server, 4) as clients:
        # On a busy machine Valkey may miss a worker's deadline, which then loads by itself.
        wait_until(lambda: loads_of_a_burst(demo, server, clients) == 1, "a burst causes one load")


def test_a_leader_killed_in_the_middle_costs_a_bounded_wait(demo: Any) -> None:
    server = demo.start_warm(WEB_WORKERS="2")
    leader = children(server.process.pid)[0]
    with a_client_of_each(server, 2) as (one, other):
        one.delete("/api/caches").raise_for_status()
        with locked_results(demo.postgres_url) as release, ThreadPoolExecutor(2) as callers:
            lost = callers.submit(one.get, ITEMS)
            wait_until(lambda: is_a_query_held_up(demo.postgres_url), "the load runs")
            waiting = callers.submit(other.get, ITEMS)
            os.kill(leader, signal.SIGKILL)
            release()
            began = time.monotonic()

            assert waiting.result().status_code == 200
            assert time.monotonic() - began < LEASE_S + 2
            with pytest.raises(httpx.HTTPError):
                lost.result()
