"""Loads in progress. All callers for the same version of the same thing share one flight."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from wb_cli.server.cache.entry import Entry

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader returns: the data, and the version of exactly this data.

    ``version`` is None if the data was changing while it was read. ``is_error`` marks an error
    in the form of an answer, which is passed on and not stored. The library offers it to loaders
    that return their errors; the loaders of this server raise theirs.
    """

    data: Any
    version: str | None
    is_error: bool = False


Loader = Callable[[], Awaitable[Loaded]]


class LoadAbandonedError(RuntimeError):
    """The load was cancelled from within, or because the cache closes. The caller was not."""


class LoadLoopError(RuntimeError):
    """A loader asked for a load that waits for this loader. Both would wait for ever."""


@dataclass(eq=False, slots=True)
class Flight:
    """One load. It takes its order when it starts, so a load that starts later is newer.

    Its first caller looks into L2 by itself. The flight has a task of its own if that finds
    nothing.
    """

    uniqueness: str
    version: str | None
    order: int
    is_void: bool = False  # its thing was cleared: it answers, and stores nothing
    waiters: "set[Flight]" = field(default_factory=set)  # flights whose loaders wait for this one
    flights: "Flights" = field(init=False)
    landed: "asyncio.Future[Entry]" = field(init=False)
    task: "asyncio.Task[Entry] | None" = None

    def is_of(self, flights: "Flights", uniqueness: str, version: str | None) -> bool:
        """Whether it loads this version of this thing for this cache."""
        return (self.flights, self.uniqueness, self.version) == (flights, uniqueness, version)


# The flight whose loader runs in this context. Set, if that loader asks a cache.
_current: ContextVar[Flight | None] = ContextVar("flight", default=None)


class Flights:
    """The flights of one cache, by uniqueness and version.

    A caller may join a flight without a version only before the flight begins. After that, the
    flight may have read a state older than the state that the caller knows, and no version would
    show it.
    """

    def __init__(self) -> None:
        self._joinable: dict[tuple[str, str | None], Flight] = {}
        self._in_the_air: set[Flight] = set()

    def __len__(self) -> int:
        return len(self._in_the_air)

    def find(self, uniqueness: str, version: str | None) -> Flight | None:
        """The flight that a caller can join, if there is one."""
        return self._joinable.get((uniqueness, version))

    def board(self, flight: Flight) -> None:
        """Let others join a flight. Whoever calls this brings it to its end."""
        flight.flights = self
        flight.landed = asyncio.get_running_loop().create_future()
        self._joinable[flight.uniqueness, flight.version] = flight
        self._in_the_air.add(flight)

    def take_off(
        self, flight: Flight, work: Callable[[Flight], Coroutine[Any, Any, Entry]]
    ) -> None:
        """Start a flight's task, which runs when the caller first awaits."""
        if flight.landed.done():
            return  # the cache was closed
        flight.task = asyncio.create_task(self._fly(flight, work), name=f"load {flight.uniqueness}")
        flight.task.add_done_callback(lambda task: self._land_with(flight, task))

    def land(self, flight: Flight, end: Entry | BaseException) -> None:
        """End a flight. Everybody who waits for it gets the entry or the error."""
        self._close_to_others(flight)
        self._in_the_air.discard(flight)
        if flight.landed.done():
            return
        if isinstance(end, Entry):
            flight.landed.set_result(end)
        else:
            flight.landed.set_exception(end)
            # Fetch it, or asyncio logs "never retrieved" when all callers have gone.
            flight.landed.exception()

    def check_for_loop(self, uniqueness: str, version: str | None) -> None:
        """Raise `LoadLoopError` if the running loader would wait for itself."""
        asking = _current.get()
        if asking is None or asking.landed.done():
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
        """The flight's entry. If a caller is cancelled, the flight goes on for the others."""
        asking = _current.get()
        if asking is None:
            return await asyncio.shield(flight.landed)
        flight.waiters.add(asking)
        try:
            return await asyncio.shield(flight.landed)
        finally:
            flight.waiters.discard(asking)

    def void(self, concerns: Callable[[str], bool] = lambda _: True) -> None:
        """Let the flights of these things (or all) store nothing. The next caller starts anew."""
        for flight in list(self._joinable.values()):
            if concerns(flight.uniqueness):
                flight.is_void = True
                self._close_to_others(flight)

    async def close(self) -> None:
        """Cancel every flight and wait until all have ended."""
        tasks = [flight.task for flight in self._in_the_air if flight.task]
        for flight in [flight for flight in self._in_the_air if not flight.task]:
            self.land(flight, _abandoned(flight))
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
            # A waiter would take a CancelledError for its own cancellation.
            task = asyncio.current_task()
            if task is not None and not task.cancelling():  # nobody closes the cache
                log.exception("[Cache] The load of %s was cancelled from within", flight.uniqueness)
            raise _abandoned(flight) from error
        finally:
            self._close_to_others(flight)

    def _land_with(self, flight: Flight, task: "asyncio.Task[Entry]") -> None:
        if task.cancelled():  # before it ran
            self.land(flight, _abandoned(flight))
        else:
            self.land(flight, task.exception() or task.result())

    def _close_to_others(self, flight: Flight) -> None:
        if self._joinable.get((flight.uniqueness, flight.version)) is flight:
            del self._joinable[flight.uniqueness, flight.version]


def _abandoned(flight: Flight) -> LoadAbandonedError:
    return LoadAbandonedError(f"the load of {flight.uniqueness} was cancelled")
