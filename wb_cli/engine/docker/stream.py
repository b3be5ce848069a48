"""Read streams of events from the engine, with a limit on the time between two events."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.client import docker_errors
from wb_cli.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from docker.types.daemon import CancellableStream

    Event = Mapping[str, Any]


def watch(
    open_stream: Callable[[], Iterable[Event]],
    silence: float,
    has_moved: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Read the events of a stream. Each must come within ``silence`` seconds of the one before.

    There may be no event for longer if ``has_moved`` says that something else has moved since it
    was asked before.

    The SDK waits for ever on such a stream, and a read that hangs cannot be interrupted. So a
    thread reads the stream, and wb does not wait for that thread.

    Raises:
        EngineError: no event came in time, or the stream has an error, in the engine's own words.
    """
    inbox: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(open_stream, inbox), daemon=True).start()
    while (event := _next(inbox, silence, has_moved)) is not None:
        if text := _read_error(event):
            raise EngineError(text)
        yield event


class Feed:
    """Bytes on their way to the engine, which a thread sends. Any other thread may end them.

    An end of this kind breaks the connection off, so the engine does not take it for the bytes' own
    end.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self._moved, self._ended = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces."""
        for piece in self._pieces:
            if self._ended.is_set():
                raise EngineError("the sending was ended")
            self._moved.set()
            yield piece

    def has_moved(self) -> bool:
        """Whether a piece was sent since this was asked before."""
        moved = self._moved.is_set()
        self._moved.clear()
        return moved

    def end(self) -> None:
        """Send no more pieces."""
        self._ended.set()


def end_stream(stream: CancellableStream[Any]) -> None:
    """End a stream. Any thread may call this, even while the reader ends the stream."""
    # The SDK checks that the stream is open and then uses its socket. Between these two steps the
    # reader may close the socket, so the SDK may fail.
    with suppress(OSError, AttributeError):
        stream.close()


def _read_error(event: Event) -> str:
    """Read the error of an event. The field ``error`` is deprecated in the engine's API."""
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
    except BaseException as error:  # noqa: BLE001  (every error must reach the reader)
        inbox.put(error)


def _next(
    inbox: queue.SimpleQueue[Event | BaseException | None],
    silence: float,
    has_moved: Callable[[], bool],
) -> Event | None:
    try:
        event = inbox.get(timeout=silence)
    except queue.Empty:
        if has_moved():
            return {}
        raise EngineError(f"no news for {silence:g} s, given up") from None
    if isinstance(event, BaseException):
        raise event
    return event
