"""Streams of events from the engine, read with a limit on its silence."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wb_cli.engine.client import docker_errors
from wb_cli.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from docker.types.daemon import CancellableStream

    Event = Mapping[str, Any]


def watched(open_stream: Callable[[], Iterable[Event]], silence: float) -> Iterator[Event]:
    """The events of a stream, each within ``silence`` seconds of the one before.

    The SDK waits for ever on such streams, and a read that hangs cannot be interrupted from
    outside: the reading is left to a thread that nobody waits for.

    Raises:
        EngineError: silence, or an error in the stream, in the engine's own words.
    """
    inbox: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(open_stream, inbox), daemon=True).start()
    while (event := _next(inbox, silence)) is not None:
        if words := _error(event):
            raise EngineError(words)
        yield event


def end(stream: CancellableStream[Any]) -> None:
    """End a stream, from any thread, though its reader may be ending it at the same moment."""
    # The SDK asks whether it is open, and only then takes hold of its socket.
    with suppress(OSError, AttributeError):
        stream.close()


def _error(event: Event) -> str:
    """The error an event tells of; ``error`` itself is on its way out of the engine's API."""
    detail = event.get("errorDetail") or {}
    return str(detail.get("message") or event.get("error") or "").strip()


def _read(
    open_stream: Callable[[], Iterable[Event]],
    inbox: queue.SimpleQueue[Event | BaseException | None],
) -> None:
    try:
        with docker_errors():
            for event in open_stream():
                inbox.put(event)
        inbox.put(None)
    except BaseException as error:  # noqa: BLE001  (whatever it is, the reader must hear of it)
        inbox.put(error)


def _next(inbox: queue.SimpleQueue[Event | BaseException | None], silence: float) -> Event | None:
    try:
        event = inbox.get(timeout=silence)
    except queue.Empty:
        raise EngineError(f"no news for {silence:g} s, given up") from None
    if isinstance(event, BaseException):
        raise event
    return event
