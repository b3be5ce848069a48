"""The writers. Each has its own facts, and writes one value of a fact after another."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import asyncpg
import orjson
from faults.races.facts import Events, Write
from faults.races.wire import UNANSWERED, Client
from faults.races.world import (
    EDITS,
    HALVES,
    LONE,
    MAIN_DATABASE,
    METRICS,
    MODULES,
    MORTAL,
    OBJECTS,
    PASSING,
    PROJECT,
    RUNS,
    STILL,
    STILL_OBJECTS,
    World,
    config,
)
from support.platform_server import AUTHORIZED

from wb_cli.server.db.address import Address, connect
from wb_cli.server.db.errors import DatabaseUnavailableError

# The errors of a writer after which it does not know if its last change was committed.
UNKNOWN = (
    DatabaseUnavailableError,
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a statement was cut short by the end of the race
    asyncpg.AdminShutdownError,
    asyncpg.DeadlockDetectedError,
)


@contextmanager
def outlives_faults(*faults: type[Exception]) -> Iterator[None]:
    """Go on after a fault, unless the race is over."""
    with suppress(*faults):
        yield
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


MOVING_MODULES = [module for module in MODULES if module != STILL]
MOVING_OBJECTS = [object_id for object_id in OBJECTS if object_id not in STILL_OBJECTS]
FACILITY_COLUMNS = ((), ("ownership",), ("residence",), ("ownership", "residence"))
# The values that versions are set to by hand.
LONG_AGO = "timestamptz '2001-01-01'"

Values = dict[str, Any]
Statement = tuple[Any, ...]  # SQL and its parameters


@dataclass
class Change:
    """The statements of one transaction, and the facts that are true after its commit."""

    values: Values
    statements: list[Statement]


class Writer:
    """Makes its changes one after the other, each after some further answers.

    Args:
        changes: makes the writer's next change, given its number.
        database: where they are written.
    """

    def __init__(
        self,
        name: str,
        changes: Callable[[int, Random], Change],
        database: str = PROJECT,
        most_answers_between: int = 600,
    ) -> None:
        self.name = name
        self.written = 0
        self._changes = changes
        self._database = database
        self._most_answers_between = most_answers_between
        self._connection: Any = None

    async def run(self, world: World, events: Events, address: Address, dice: Random) -> None:
        """Write until cancelled."""
        try:
            for n in range(1, 1_000_000):
                await events.more_answers(dice.randint(1, self._most_answers_between))
                late = dice.randint(5, 60) if dice.random() < 0.25 else 0
                change = self._changes(n, dice)
                writes = [world[name].begin(value) for name, value in change.values.items()]
                with outlives_faults(*UNKNOWN):
                    await self._commit(change.statements, address, events, late)
                    for write in writes:
                        events.later(write.know)
                    self.written += 1
        finally:
            if self._connection:
                self._connection.terminate()

    async def _commit(
        self, statements: list[Statement], address: Address, events: Events, late: int
    ) -> None:
        """Make one transaction, which ends only after `late` further answers."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(address, self._database)
        async with self._connection.transaction():
            for statement in statements:
                await self._connection.execute(*statement)
            if late:
                await events.more_answers(late)


def writers() -> Iterator[Writer]:
    """Make all writers that use SQL."""
    for object_id in MOVING_OBJECTS:
        if object_id != PASSING:
            yield Writer(f"label of {object_id}", label_of(object_id), most_answers_between=900)
        if object_id.endswith("-0"):
            yield Writer(f"config of {object_id}", config_of(object_id), most_answers_between=1200)
    yield Writer("passing object", passing_object)
    for metric in METRICS:
        if metric not in (LONE, STILL):
            yield Writer(f"label of metric {metric}", metric_label_of(metric))
    yield Writer("passing metric", passing_metric)
    for module in MOVING_MODULES:
        yield Writer(f"label of results of {module}", results_label_of(module))
        if module != RUNS:
            yield Writer(f"results of {module}", results_of(module), most_answers_between=200)
        if module != MORTAL:
            yield Writer(f"label of module {module}", module_label_of(module))
    yield Writer("passing module", passing_module)
    yield Writer("versions by hand", versions_by_hand)
    for name, change in DATASET_CHANGES.items():
        yield Writer(name, change, MAIN_DATABASE)


def label_of(object_id: str) -> Callable[[int, Random], Change]:
    """An object's label; at times with a last_updated that moves back, or stays."""

    def change(n: int, dice: Random) -> Change:
        version = dice.choice(["", "", f", last_updated = {LONG_AGO}", ", last_updated = now()"])
        sql = f"UPDATE presentation_objects SET label = $1{version} WHERE id = $2"
        label = f"Object {object_id} {n}"
        return Change({f"label {object_id}": label}, [(sql, label, object_id)])

    return change


def config_of(object_id: str) -> Callable[[int, Random], Change]:
    """An object's config: which items it shows."""
    sql = "UPDATE presentation_objects SET config = $1 WHERE id = $2"
    return lambda n, _: Change({f"config {object_id}": n}, [(sql, config(n), object_id)])


def passing_object(n: int, dice: Random) -> Change:
    """An object that is deleted, and inserted with the last_updated that it always had."""
    delete = ("DELETE FROM presentation_objects WHERE id = $1", PASSING)
    if n % 2 and dice.random() < 0.5:
        return Change({f"label {PASSING}": None}, [delete])
    insert = f"""INSERT INTO presentation_objects (id, label, metric_id, config, last_updated)
        VALUES ($1, $2, $3, $4, {LONG_AGO})"""
    label = f"Object {PASSING} {n}"
    values = (PASSING, label, OBJECTS[PASSING], config(0))
    return Change({f"label {PASSING}": label}, [delete, (insert, *values)])


def metric_label_of(metric: str) -> Callable[[int, Random], Change]:
    """A metric's label, which details and metric info show."""
    sql = "UPDATE metrics SET label = $1 WHERE id = $2"

    def change(n: int, _: Random) -> Change:
        label = f"Metric {metric} {n}"
        return Change({f"metric {metric}": label}, [(sql, label, metric)])

    return change


def passing_metric(n: int, dice: Random) -> Change:
    """A metric that is deleted and inserted, as a module's that is installed again."""
    delete = ("DELETE FROM metrics WHERE id = $1", LONE)
    if n % 2 and dice.random() < 0.5:
        return Change({f"metric {LONE}": None}, [delete])
    label = f"Metric {LONE} {n}"
    insert = ("INSERT INTO metrics VALUES ($1, $2, $3, $2, '{count}', 'avg')", LONE, EDITS, label)
    return Change({f"metric {LONE}": label}, [delete, insert])


def results_label_of(module: str) -> Callable[[int, Random], Change]:
    """A results object's label, which details show."""
    sql = "UPDATE results_objects SET label = $1 WHERE id = $2"

    def change(n: int, _: Random) -> Change:
        label = f"Results of {module} {n}"
        return Change({f"results object {module}": label}, [(sql, label, module)])

    return change


def results_of(module: str) -> Callable[[int, Random], Change]:
    """Both halves of a module's results, edited or replaced outside of runs."""

    def change(n: int, dice: Random) -> Change:
        values = {f"results {module} {half}": n for half in HALVES}
        update = update_of(module, n)
        if dice.random() < 0.5:
            return Change(values, [update])
        copy = f"CREATE TEMPORARY TABLE kept ON COMMIT DROP AS TABLE results_{module}"
        again = f"INSERT INTO results_{module} TABLE kept"
        return Change(values, [(copy,), (f"DELETE FROM results_{module}",), (again,), update])

    return change


def update_of(module: str, n: int, half: str = "") -> Statement:
    """Put one half of the results, or both, into their n-th state."""
    sql = f"UPDATE results_{module} SET count = $1, zone = half || $2 WHERE half LIKE $3"
    return sql, float(n), str(n), half or "%"


def module_label_of(module: str) -> Callable[[int, Random], Change]:
    """A module's label, which details show."""
    sql = "UPDATE modules SET label = $1 WHERE id = $2"

    def change(n: int, _: Random) -> Change:
        label = f"Module {module} {n}"
        return Change({f"module {module}": label}, [(sql, label, module)])

    return change


def passing_module(n: int, dice: Random) -> Change:
    """A module that is deleted and inserted, at times with a last_run that it once had."""
    delete = ("DELETE FROM modules WHERE id = $1", MORTAL)
    if n % 2 and dice.random() < 0.5:
        return Change({f"module {MORTAL}": None}, [delete])
    label, last_run = f"Module {MORTAL} {n}", dice.choice([LONG_AGO, "now()", "NULL"])
    insert = f"INSERT INTO modules (id, label, last_run) VALUES ($1, $2, {last_run})"
    return Change({f"module {MORTAL}": label}, [delete, (insert, MORTAL, label)])


def versions_by_hand(_: int, dice: Random) -> Change:
    """All modules' last_run set to one moment, which may be long ago."""
    moment = dice.choice([LONG_AGO, "now()", "clock_timestamp()"])
    sql = f"UPDATE modules SET last_run = {moment} WHERE last_run IS NOT NULL AND id <> '{STILL}'"
    return Change({}, [(sql,)])


def of_dataset(name: str, sql: str) -> Callable[[int, Random], Change]:
    """A change of `main` that numbers one fact."""
    return lambda n, _: Change({name: n}, [(sql, n)])


def facility_columns(n: int, _: Random) -> Change:
    """The columns by which facilities are shown."""
    columns = FACILITY_COLUMNS[n % len(FACILITY_COLUMNS)]
    sql = "UPDATE instance_config SET facility_columns = $1"
    return Change({"facility columns": columns}, [(sql, list(columns))])


OWN = f"WHERE id <> '{STILL}'"
DATASET_CHANGES: dict[str, Callable[[int, Random], Change]] = {
    name: of_dataset(name, sql)
    for name, sql in {
        "counts": "UPDATE dataset_hmis SET count = $1",
        "raw label": f"UPDATE raw_indicators SET label = $1::bigint::text {OWN}",
        "common label": f"UPDATE common_indicators SET label = $1::bigint::text {OWN}",
        "ownership": "UPDATE facilities SET ownership = $1::bigint::text",
        "HFA values": "UPDATE dataset_hfa SET value = $1",
        "HFA label": f"UPDATE hfa_indicators SET label = $1::bigint::text {OWN}",
    }.items()
} | {"facility columns": facility_columns}


class SureWriter:
    """Makes a transaction again and again until its commit is known. It may be done twice.

    Args:
        database: where it writes.
    """

    def __init__(self, database: str = PROJECT) -> None:
        self._database = database
        self._connection: Any = None

    async def commit(self, address: Address, statements: list[Statement]) -> None:
        """Return once the commit is known."""
        while True:
            with outlives_faults(*UNKNOWN):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(address, self._database)
                async with self._connection.transaction():
                    for statement in statements:
                        await self._connection.execute(*statement)
                return
            await asyncio.sleep(0.05)

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.terminate()


@dataclass
class Runs:
    """Runs of a module: begun by the API, written half by half, completed by the API."""

    administrator: "Administrator"
    name: str = "runs"
    written: int = 0
    _writer: SureWriter = field(default_factory=SureWriter)

    async def run(self, world: World, events: Events, address: Address, dice: Random) -> None:
        """Run until cancelled; at times the results are edited between two runs."""
        run = f"/api/projects/{PROJECT}/modules/{RUNS}/run"
        try:
            for n in range(1, 1_000_000):
                await events.more_answers(dice.randint(1, 80))
                if dice.random() < 0.3:
                    await self._write(world, events, address, n, HALVES)
                    continue
                await self.administrator.ask("POST", f"{run}/begin")
                writes: list[Write] = []
                for half in dice.sample(HALVES, 2):
                    await events.more_answers(dice.randint(1, 60))
                    writes += await self._write(world, events, address, n, (half,))
                await events.more_answers(dice.randint(1, 60))
                _, port = await self.administrator.ask("POST", f"{run}/complete")
                for write in writes:
                    write.known_to[port] = events.now()
                self.written += 1
        finally:
            self.administrator.close()
            self._writer.close()

    async def _write(
        self, world: World, events: Events, address: Address, n: int, halves: tuple[str, ...]
    ) -> list[Write]:
        """Write until the commit is known. Only then the run can be completed."""
        writes = [world[f"results {RUNS} {half}"].begin(n) for half in halves]
        update = update_of(RUNS, n, halves[0] if len(halves) == 1 else "")
        await self._writer.commit(address, [update])
        for write in writes:
            events.later(write.know)
        return writes


@dataclass
class Touches:
    """Touches objects by the API. The version that it answers is the least from then on."""

    administrator: "Administrator"
    name: str = "touches"
    written: int = 0

    async def run(self, world: World, events: Events, _: Address, dice: Random) -> None:
        """Touch until cancelled."""
        known = [object_id for object_id in MOVING_OBJECTS if object_id != PASSING]
        try:
            while True:
                await events.more_answers(dice.randint(1, 80))
                object_id = dice.choice(known)
                path = f"/api/projects/{PROJECT}/objects/{object_id}/touch"
                touched, port = await self.administrator.ask("POST", path)
                version = world.version(f"last_updated of {object_id}")
                version.note(touched["lastUpdated"], events.now(), port)
                events.later(partial(version.note, touched["lastUpdated"]))
                self.written += 1
        finally:
            self.administrator.close()


class Administrator:
    """Asks either server until one of them has done it. Every request may be done twice."""

    def __init__(self, ports: tuple[int, ...]) -> None:
        self._clients = [Client(port) for port in ports]
        self.complaints: list[str] = []

    async def ask(self, method: str, path: str) -> tuple[Any, int]:
        """Return the answer's body, and the port of the server that has done it."""
        while True:
            self._clients.reverse()
            with outlives_faults(*UNANSWERED):
                reply = await self._clients[0].ask(method, path, AUTHORIZED)
                if reply.status == 200:
                    return orjson.loads(reply.body), self._clients[0].port
                if reply.status != 503:
                    self.complaints.append(f"{method} {path} {reply.status}: {reply.body!r}")
            await asyncio.sleep(0.05)

    def close(self) -> None:
        """Drop the connections."""
        for client in self._clients:
            client.close()
