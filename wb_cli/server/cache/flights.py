"""Loads in progress: one shared task for all who ask for the same version of the same thing."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from wb_cli.server.cache.entry import Entry


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader returns: the data, and the version that very data has.

    ``version`` is None where the data was changing while it was read. ``is_error`` marks an error
    in the form of an answer: it is passed on and not stored.
    """

    data: Any
    version: str | None
    is_error: bool = False


Loader = Callable[[], Awaitable[Loaded]]


class LoadAbandonedError(RuntimeError):
    """The load was cancelled from within, or because the cache closes; the caller was not."""


@dataclass(eq=False, slots=True)
class Flight:
    """One load. Its order is taken when it starts: what starts later is newer."""

    uniqueness: str
    version: str | None
    order: int
    is_void: bool = False  # cleared meanwhile: it answers, and stores nothing
    task: "asyncio.Task[Entry]" = field(init=False)


class Flights:
    """The flights of one cache, by uniqueness and version."""

    def __init__(self) -> None:
        self._flights: dict[tuple[str, str | None], Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def find(self, uniqueness: str, version: str | None) -> Flight | None:
        """The flight to join, if there is one."""
        return self._flights.get((uniqueness, version))

    def take_off(
        self, flight: Flight, work: Callable[[Flight], Coroutine[Any, Any, Entry]]
    ) -> Flight:
        """Register a flight and start its task, which runs when the caller first awaits."""
        self._flights[flight.uniqueness, flight.version] = flight
        flight.task = asyncio.create_task(self._fly(flight, work), name=f"load {flight.uniqueness}")
        flight.task.add_done_callback(lambda task: self._land(flight, task))
        return flight

    def void(self, uniqueness: str | None = None) -> None:
        """Let flights of one thing (or all) end unstored; the next caller starts anew."""
        for flight in list(self._flights.values()):
            if uniqueness in (None, flight.uniqueness):
                flight.is_void = True
                self._remove(flight)

    async def close(self) -> None:
        """Cancel every flight and wait until all are down."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fly(
        self, flight: Flight, work: Callable[[Flight], Coroutine[Any, Any, Entry]]
    ) -> Entry:
        try:
            return await work(flight)
        except asyncio.CancelledError as error:
            # Passed on as it is, it would look to each waiter as if he had been cancelled.
            raise LoadAbandonedError(f"the load of {flight.uniqueness} was cancelled") from error
        finally:
            self._remove(flight)

    def _land(self, flight: Flight, task: "asyncio.Task[Entry]") -> None:
        self._remove(flight)  # where it was cancelled before it ever ran
        if not task.cancelled():
            task.exception()  # seen: a failure that no waiter is left for is none to report

    def _remove(self, flight: Flight) -> None:
        if self._flights.get((flight.uniqueness, flight.version)) is flight:
            del self._flights[flight.uniqueness, flight.version]
