"""The model checker: a seed interleaves all that can happen, and an invariant must hold.

No tier serves another version than the version that was asked for. No answer has a version that is
not its own. No answer is older than the database was when the question was asked, settled or not.
Within a process no older value replaces a newer value.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from server.cache.stores import settle
from server.cache.world import (
    THINGS,
    Chance,
    Database,
    Process,
    Request,
    Valkey,
    foreign,
    rank,
    stored_versions,
)

from wb_cli.server.cache import Entry, Loaded

STEPS = 150


class DatabaseError(Exception):
    """A failure of the database, which callers must see."""


class Model:
    """One run."""

    def __init__(self, seed: int) -> None:
        self.chance = Chance(seed)
        self.database = Database()
        self.valkey = Valkey()
        self.processes: list[Process] = []
        self.loaded: set[tuple[str, str | None, str | None]] = set()  # thing, asked, answered
        self.answers = 0
        self.epoch = 0
        self.actions: list[tuple[int, Callable[[], object]]] = [
            (40, self.open_door),
            (20, self.request),
            (4, self.request_several),
            (8, self.move_version),
            (3, self.unsettle),
            (5, self.settle_version),
            (3, self.cancel),
            (2, self.hang_or_resume),
            (2, self.stop_or_start),
            (6, self.supervise),
            (2, self.hydrate),
            (2, self.clear),
            (1, self.begin_epoch),
            (1, self.begin_group_epoch),
            (1, self.take_snapshot),
            (1, self.crash),
            (2, self.rubbish),
        ]

    async def run(self) -> None:
        """Take every step, then let everything come to rest."""
        self.processes = [Process.start(self.valkey, self.chance) for _ in range(2)]
        weights = [weight for weight, _ in self.actions]
        for _ in range(STEPS):
            (_, action), *_ = self.chance.dice.choices(self.actions, weights)
            action()
            await settle(self.chance.dice.randrange(4))
            self.check()
        await self.end()

    async def end(self) -> None:
        """Let Valkey be well and every door open. Then every request and write must be done."""
        self.valkey.is_up, self.valkey.is_hung = True, False
        for _ in range(3000):
            self.supervise()
            await settle(5)
            if not self.chance.open_one() and all(self.is_at_rest(p) for p in self.processes):
                break
        else:
            raise AssertionError("something waits for ever")
        self.check()
        for process in self.processes:
            await self.stop(process)

    def is_at_rest(self, process: Process) -> bool:
        return not process.l2.queue and all(r.task.done() for r in process.requests)

    async def stop(self, process: Process) -> None:
        """End a process without flushing."""
        process.connection.is_cut = True
        tasks = [request.task for request in process.requests]
        for request in process.requests:
            request.cancel()
        process.l2._behind._task.cancel()
        await asyncio.gather(*tasks, process.l2._behind._task, return_exceptions=True)
        closing = asyncio.create_task(process.cache.close())
        while not closing.done():
            self.chance.open_one()
            await settle(2)

    # What is checked at each step ------------------------------------------------------------

    def check(self) -> None:
        for process in self.processes:
            for thing, node in process.cache._nodes.items():
                assert node.entry.fingerprint == process.cache.fingerprint_of(thing), (
                    f"{thing} is of another epoch"
                )
                self.check_entry(thing, node.entry)
            for ranks in stored_versions(process.connection.written).values():
                assert ranks == sorted(ranks), f"one process wrote {ranks} to one key"
            for request in [r for r in process.requests if r.task.done()]:
                process.requests.remove(request)
                self.check_request(request)

    def check_request(self, request: Request) -> None:
        task = request.task
        if task.cancelled():
            assert request.is_cancelled, "the end of one caller broke a request of another"
            return
        error = task.exception()
        if error is not None:
            assert isinstance(error, DatabaseError), f"L2 or the cache broke a request: {error!r}"
            return
        if isinstance(task.result(), Entry):
            self.check_answer(request, task.result())

    def check_answer(self, request: Request, entry: Entry) -> None:
        self.answers += 1
        if request.version is None or entry.version != request.version:
            answer = (request.thing, request.version, entry.version)
            assert answer in self.loaded, f"{answer} came from a tier"
        self.check_entry(request.thing, entry)
        answered = entry.value()[1]
        assert rank(answered) >= request.known, (
            f"{request.thing} was answered with {answered}, and was v{request.known} when asked for"
        )

    def check_entry(self, thing: str, entry: Entry) -> None:
        """Check that the data is this thing in this version."""
        data = entry.value()
        assert data[0] == thing, f"{thing} was answered with {data}"
        assert entry.version in (None, data[1]), f"{entry.version} was answered with {data}"

    # What can happen -------------------------------------------------------------------------

    def any_process(self) -> Process:
        return self.chance.dice.choice(self.processes)

    def any_thing(self) -> str:
        return self.chance.dice.choice(THINGS)

    def open_door(self) -> None:
        self.chance.open_one()

    def request(self, thing: str | None = None, process: Process | None = None) -> None:
        process, thing = process or self.any_process(), thing or self.any_thing()
        version, order = self.database.version(thing), None
        delay = self.chance.happens(0.3)
        if delay:
            order = process.cache.order()
        request = Request(thing, version, self.database.number[thing])

        async def ask() -> Entry:
            if delay:
                await self.chance.door()
            return await process.cache.get_or_load(
                thing, version, lambda: self.load(thing, version), order=order
            )

        self.begin(process, request, ask())

    def begin(self, process: Process, request: Request, work: Coroutine[Any, Any, Any]) -> None:
        request.task = asyncio.create_task(work)
        process.requests.append(request)

    async def load(self, thing: str, asked: str | None) -> Loaded:
        await self.chance.door()
        if self.chance.happens(0.1):
            raise DatabaseError
        version, data = self.database.version(thing), self.database.data(thing)
        is_error = self.chance.happens(0.1)
        await self.chance.door()
        self.loaded.add((thing, asked, version))
        return Loaded(data, version, is_error)

    def request_several(self) -> None:
        process, thing = self.any_process(), self.any_thing()
        for _ in range(5):
            self.request(thing, process)

    def move_version(self) -> None:
        self.database.number[self.any_thing()] += 1

    def unsettle(self) -> None:
        thing = self.any_thing()
        self.database.unsettled.add(thing)
        self.database.number[thing] += 1

    def settle_version(self) -> None:
        self.database.unsettled.discard(self.any_thing())

    def cancel(self) -> None:
        process = self.any_process()
        if process.requests:
            self.chance.dice.choice(process.requests).cancel()

    def hang_or_resume(self) -> None:
        self.valkey.is_hung = not self.valkey.is_hung

    def stop_or_start(self) -> None:
        """Stop Valkey, or start it with the data of its last snapshot."""
        self.valkey.is_up = not self.valkey.is_up
        if self.valkey.is_up:
            self.valkey.data = dict(self.valkey.snapshot)

    def take_snapshot(self) -> None:
        self.valkey.snapshot = dict(self.valkey.data)

    def supervise(self) -> None:
        for process in self.processes:
            process.connection.look()

    def hydrate(self) -> None:
        process = self.any_process()
        versions = {thing: self.database.version(thing) for thing in THINGS}
        wanted = {thing: version for thing, version in versions.items() if version is not None}
        order = process.cache.order()

        async def warm_up() -> None:
            await self.chance.door()
            await process.cache.hydrate_many(wanted, order=order)

        self.begin(process, Request("warm-up", None), warm_up())

    def clear(self) -> None:
        self.any_process().cache.clear(self.any_thing())

    def begin_epoch(self) -> None:
        """All processes hear of it, one a little later than the other."""
        self.epoch += 1
        for process in self.chance.dice.sample(self.processes, len(self.processes)):
            process.cache.begin_epoch(str(self.epoch))

    def begin_group_epoch(self) -> None:
        """One thing alone is forgotten by all processes. What each holds of it is new to it."""
        self.epoch += 1
        group = self.any_thing().upper()
        for process in self.chance.dice.sample(self.processes, len(self.processes)):
            process.cache.begin_group_epoch(group, str(self.epoch))
            assert group.lower() not in process.cache._nodes

    def crash(self) -> None:
        """Kill a process with all its memory, and start another."""
        process = self.any_process()
        self.processes.remove(process)
        process.connection.is_cut = True
        for request in process.requests:
            request.cancel()
        process.l2._behind._task.cancel()
        self.processes.append(Process.start(self.valkey, self.chance))

    def rubbish(self) -> None:
        """Let another program write under our keys."""
        thing = self.any_thing()
        version = f"v{self.database.number[thing]}"
        self.valkey.data[f"cache:things:{thing}".encode()] = self.chance.dice.choice(
            [b"rubbish", foreign(version), b'{"versionHash":"' + version.encode() + b'"}']
        )


async def check_seed(seed: int) -> Model:
    """Run a seed. A failure names it."""
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    model = Model(seed)
    try:
        await model.run()
        assert not unhandled, unhandled
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    return model
