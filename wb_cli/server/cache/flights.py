"""Loads in progress: one shared task for all who ask for the same version of the same thing."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from wb_cli.server.cache.entry import Entry


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader returns: the data, and the version that very data has.

    ``version`` is None where the data was changing while it was read. ``is_error`` marks an error
    in the form of an answer, which is passed on and not stored. The library offers it to loaders
    that return their errors; the loaders of this server raise theirs.
    """

    data: Any
    version: str | None
    is_error: bool = False


Loader = Callable[[], Awaitable[Loaded]]


class LoadAbandonedError(RuntimeError):
    """The load was cancelled from within, or because the cache closes; the caller was not."""


class LoadLoopError(RuntimeError):
    """A loader asked for what waits for this very loader, and would have waited for ever."""


@dataclass(eq=False, slots=True)
class Flight:
    """One load. Its order is taken when it starts: what starts later is newer."""

    uniqueness: str
    version: str | None
    order: int
    is_void: bool = False  # cleared meanwhile: it answers, and stores nothing
    waiters: "set[Flight]" = field(default_factory=set)  # flights whose loaders wait for this one
    flights: "Flights" = field(init=False)
    task: "asyncio.Task[Entry]" = field(init=False)

    def is_of(self, flights: "Flights", uniqueness: str, version: str | None) -> bool:
        """Whether this is a load of that thing, in that version, for that cache."""
        return (self.flights, self.uniqueness, self.version) == (flights, uniqueness, version)


# The flight whose loader is running, for what that loader asks of a cache.
_current: ContextVar[Flight | None] = ContextVar("flight", default=None)


class Flights:
    """The flights of one cache, by uniqueness and version.

    A flight without a version can be joined only until it begins. Once it has begun, it may have
    seen a state older than the one that a later caller knows of, and no version would tell.
    """

    def __init__(self) -> None:
        self._joinable: dict[tuple[str, str | None], Flight] = {}
        self._in_the_air: set[Flight] = set()

    def __len__(self) -> int:
        return len(self._in_the_air)

    def find(self, uniqueness: str, version: str | None) -> Flight | None:
        """The flight to join, if there is one."""
        return self._joinable.get((uniqueness, version))

    def take_off(
        self, flight: Flight, work: Callable[[Flight], Coroutine[Any, Any, Entry]]
    ) -> Flight:
        """Register a flight and start its task, which runs when the caller first awaits."""
        flight.flights = self
        self._joinable[flight.uniqueness, flight.version] = flight
        self._in_the_air.add(flight)
        flight.task = asyncio.create_task(self._fly(flight, work), name=f"load {flight.uniqueness}")
        flight.task.add_done_callback(lambda task: self._land(flight, task))
        return flight

    def check_for_loop(self, uniqueness: str, version: str | None) -> None:
        """Raise `LoadLoopError` where the running loader would wait for itself."""
        asking = _current.get()
        if asking is None or asking.task.done():
            return
        seen, todo = {asking}, [asking]
        while todo:
            flight = todo.pop()
            if flight.is_of(self, uniqueness, version):
                raise LoadLoopError(
                    f"the load of {asking.uniqueness} asks for {uniqueness}, which waits for it"
                )
            todo += flight.waiters - seen
            seen |= flight.waiters

    async def wait_for(self, flight: Flight) -> Entry:
        """The flight's entry. A caller that is cancelled leaves the flight to the others."""
        asking = _current.get()
        if asking is None:
            return await asyncio.shield(flight.task)
        flight.waiters.add(asking)
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters.discard(asking)

    def void(self, uniqueness: str | None = None) -> None:
        """Let flights of one thing (or all) end unstored; the next caller starts anew."""
        for flight in list(self._joinable.values()):
            if uniqueness in (None, flight.uniqueness):
                flight.is_void = True
                self._close_to_others(flight)

    async def close(self) -> None:
        """Cancel every flight and wait until all are down."""
        tasks = [flight.task for flight in self._in_the_air]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fly(
        self, flight: Flight, work: Callable[[Flight], Coroutine[Any, Any, Entry]]
    ) -> Entry:
        _current.set(flight)  # in this task's own context
        if flight.version is None:
            self._close_to_others(flight)
        try:
            return await work(flight)
        except asyncio.CancelledError as error:
            # Passed on as it is, it would look to each waiter as if the waiter was cancelled.
            raise LoadAbandonedError(f"the load of {flight.uniqueness} was cancelled") from error
        finally:
            self._close_to_others(flight)

    def _land(self, flight: Flight, task: "asyncio.Task[Entry]") -> None:
        self._close_to_others(flight)  # where it was cancelled before it ever ran
        self._in_the_air.discard(flight)
        if not task.cancelled():
            task.exception()  # seen: a failure that no waiter is left for is none to report

    def _close_to_others(self, flight: Flight) -> None:
        if self._joinable.get((flight.uniqueness, flight.version)) is flight:
            del self._joinable[flight.uniqueness, flight.version]
