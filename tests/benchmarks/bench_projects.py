"""Many projects, strangers and slow loads, each against the calm case of the same run.

    PYTHONPATH=.:tests python tests/benchmarks/bench_projects.py

It starts a PostgreSQL of its own, fills 40 projects, and asks one platform server for objects that
are in L1. Ratios are rates relative to the peer named beside each; above 0.9 nothing is lost.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import docker
import httpx
from benchmarks.measure import HEADER, Row, noise_of, tell
from support.platform_data import address_of, fill_project, with_databases
from support.platform_server import PlatformServer, environment_for
from support.services import Services

from wb_cli.server.db.address import connect
from wb_cli.server.db.queries_projects import Project, create_project

PROJECTS = 40
CLIENTS = 12
ROUNDS = 5
SECONDS = 1.5
TARGET = 0.9
OBJECT = "/api/projects/{}/objects/by-area"


async def rate(http: httpx.AsyncClient, paths: list[str]) -> float:
    """Answers per second to clients that ask for one path after another."""
    ends, answered = time.perf_counter() + SECONDS, 0
    chosen = itertools.cycle(paths)

    async def ask() -> None:
        nonlocal answered
        while time.perf_counter() < ends:
            (await http.get(next(chosen))).raise_for_status()
            answered += 1

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    return answered / SECONDS


@asynccontextmanager
async def strangers(http: httpx.AsyncClient):
    """Four clients that ask for projects there are not."""
    numbers = itertools.count()

    async def ask() -> None:
        while True:
            await http.get(f"/api/projects/nosuch-{next(numbers)}/objects")

    tasks = [asyncio.create_task(ask()) for _ in range(4)]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def slow_loads(http: httpx.AsyncClient, url: str):
    """Ten loads of cold items in one project, which wait for a lock."""
    connection = await connect(address_of(url), "p00")
    # An unsettled module's items are in no cache, so that each request for them is a load.
    await connection.execute("UPDATE modules SET run_started_at = now()")
    await connection.execute("BEGIN; LOCK TABLE results_visits")
    paths = [f"/api/projects/p00/objects/cold-{number}/items" for number in range(10)]
    tasks = [asyncio.create_task(http.get(path, timeout=60)) for path in paths]
    await asyncio.sleep(0.3)
    yield
    await connection.execute("ROLLBACK; UPDATE modules SET run_started_at = NULL")
    await asyncio.gather(*tasks)
    await connection.close()


async def compare(name: str, calm: Callable[[], Awaitable[float]], tried) -> None:
    """Tell the medians of rounds in which both take turns."""
    peer, ours = [], []
    for _ in range(ROUNDS):
        peer.append(await calm())
        ours.append(await tried())
    middle = statistics.median
    noise = noise_of(ours, peer)
    tell(Row(name, middle(ours), middle(peer), TARGET, faster=True, unit="/s", noise=noise))


async def measure(server: PlatformServer, url: str) -> None:
    """Every comparison."""
    limits = httpx.Limits(max_connections=64)
    base = f"http://127.0.0.1:{server.port}"
    async with (
        httpx.AsyncClient(base_url=base, limits=limits) as http,
        httpx.AsyncClient(base_url=base, limits=limits) as other,
    ):
        names = [f"p{number:02}" for number in range(PROJECTS)]

        def of(count: int) -> Callable[[], Awaitable[float]]:
            return lambda: rate(http, [OBJECT.format(name) for name in names[:count]])

        async def with_strangers() -> float:
            async with strangers(other):
                return await of(3)()

        async def during_loads() -> float:
            async with slow_loads(other, url):
                return await rate(http, [OBJECT.format("p00")])

        for count in (6, 12, 40):
            await compare(f"answers of {count} projects / of 3", of(3), of(count))
        await compare("answers of 3 projects beside 4 strangers / none", of(3), with_strangers)
        await compare(
            "answers of a project during 10 slow loads of it / none",
            lambda: rate(http, [OBJECT.format("p00")]),
            during_loads,
        )


async def fill(databases) -> None:
    """Forty small projects; the first has objects that the benchmark keeps cold."""
    for number in range(PROJECTS):
        name = f"p{number:02}"
        await create_project(databases, Project(name, name))
        await fill_project(databases, name)
    async with databases.connect("p00") as connection:
        await connection.executemany(
            """INSERT INTO presentation_objects (id, label, metric_id, config)
            VALUES ($1, $1, 'visits', $2)""",
            [(f"cold-{n}", {"period": {"latestMonths": n + 1}}) for n in range(10)],
        )


def main() -> None:
    """Start what is needed, measure, remove it."""
    print(HEADER)
    services = Services(docker.from_env(), {"wb.benchmark": "projects"})
    try:
        postgres = services.new_postgres("postgres", "-c", "fsync=off")
        with_databases(postgres.url, fill)
        server = PlatformServer(environment_for(postgres.url, "redis://127.0.0.1:1"))
        server.wait_listening().wait_status("warm", within=120)
        try:
            asyncio.run(measure(server, postgres.url))
        finally:
            server.close()
    finally:
        services.close()


if __name__ == "__main__":
    main()
