"""A worker's line to the other workers of its server. The parent carries what is said on it."""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson

log = logging.getLogger(__name__)

LONGEST_LINE = 16 * 1024 * 1024

Answer = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class Place:
    """A worker's place among the workers of its server.

    Args:
        number: which worker it is, from 1.
        count: how many workers there are.
        line: the line to the parent; None for the one worker that has no parent.
        began: when the server began, by the monotonic clock.
        is_replacement: whether it takes the place of a worker that has ended.
    """

    number: int = 1
    count: int = 1
    line: socket.socket | None = None
    began: float = field(default_factory=time.monotonic)
    is_replacement: bool = False


def alive_line(numbers: Iterable[int]) -> bytes:
    """The line by which the parent tells who is alive."""
    return orjson.dumps({"alive": sorted(numbers)}) + b"\n"


class Siblings:
    """The other workers of the server. They can be asked; they ask this one.

    A worker without others asks nobody, and pays nothing.

    Args:
        place: this worker's place.
        answers: what others may ask, by name.
    """

    def __init__(self, place: Place, answers: Mapping[str, Answer] | None = None) -> None:
        self.place = place
        self.answers: dict[str, Answer] = dict(answers or {})
        self.is_serving = False  # whether this worker accepts connections
        self._others: set[int] = set()
        self._writer: asyncio.StreamWriter | None = None
        self._ids = count(1)
        self._waiting: dict[tuple[int, int], asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def ask(self, question: str, about: Any = None, *, within_s: float) -> dict[int, Any]:
        """Ask all others at once. Returns the answers that came in time, by worker.

        A worker that ends meanwhile is not waited for.
        """
        if not self._others:
            return {}
        number = next(self._ids)
        waiting = {other: self._ask_one(other, number, question, about) for other in self._others}
        try:
            await asyncio.wait(waiting.values(), timeout=within_s)
        finally:
            for other in waiting:
                self._waiting.pop((other, number), None)
        return {
            other: future.result()
            for other, future in waiting.items()
            if future.done() and not future.cancelled() and not future.exception()
        }

    async def attend(self, on_orphaned: Callable[[], None]) -> None:
        """Answer the others, until the parent is gone. Call `on_orphaned` then."""
        if self.place.line is None:
            return
        reader, writer = await asyncio.open_connection(sock=self.place.line, limit=LONGEST_LINE)
        self._writer = writer
        try:
            while line := await reader.readline():
                self._hear(orjson.loads(line))
        except OSError as error:
            log.warning("[Workers] %d lost its line: %s", self.place.number, error)
        finally:
            self._writer = None
            writer.close()
            self._note_alive(set())
        log.warning("[Workers] The parent of worker %d is gone", self.place.number)
        on_orphaned()

    def _ask_one(self, other: int, number: int, question: str, about: Any) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self._waiting[other, number] = future
        self._say(other, {"id": number, "ask": question, "about": about})
        return future

    def _say(self, other: int, message: dict[str, Any]) -> None:
        if self._writer is not None:
            line = orjson.dumps({"from": self.place.number, **message})
            self._writer.write(b"%d %s\n" % (other, line))

    def _hear(self, message: dict[str, Any]) -> None:
        if "alive" in message:
            self._note_alive(set(message["alive"]) - {self.place.number})
        elif "ask" in message:
            task = asyncio.create_task(self._answer(message), name=f"answer {message['ask']}")
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        else:
            future = self._waiting.pop((message["from"], message["id"]), None)
            if future is not None and not future.done():
                future.set_result(message["answer"])

    def _note_alive(self, others: set[int]) -> None:
        """Wait no longer for those that have ended."""
        for other, number in list(self._waiting):
            if other not in others:
                self._waiting.pop((other, number)).cancel()
        self._others = others

    async def _answer(self, message: dict[str, Any]) -> None:
        try:
            answer = await self.answers[message["ask"]](message["about"])
        except Exception:  # who asks gets no answer, and takes that into account
            log.exception("[Workers] %d could not answer %s", self.place.number, message["ask"])
            return
        self._say(message["from"], {"id": message["id"], "answer": answer})
