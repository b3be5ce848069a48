"""The readers, and the judge of each answer."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random

import zstandard
from faults.races.facts import Events
from faults.races.shown import PAGES, Facts, IncompleteError, Page
from faults.races.wire import UNANSWERED, Client, Reply
from faults.races.world import World

ENCODINGS = ("zstd", "identity", "zstd, gzip;q=0.5")
# The bodies that were read last, so that an answer to many readers is decoded once.
REMEMBERED = 500


@dataclass(frozen=True)
class Copy:
    """The part of an answer that a client keeps."""

    etag: str
    facts: Facts


@dataclass
class Tally:
    """The number of answers of each kind."""

    by_status: dict[int, int] = field(default_factory=dict)
    unsettled: int = 0
    compressed: int = 0
    unanswered: int = 0

    def count(self, reply: Reply) -> None:
        """Count one answer."""
        self.by_status[reply.status] = self.by_status.get(reply.status, 0) + 1
        self.compressed += "content-encoding" in reply.headers
        self.unsettled += reply.status == 200 and "etag" not in reply.headers


@dataclass
class Judge:
    """Compares every answer with what is known of its facts."""

    world: World
    events: Events
    may_refuse: Callable[[int], bool]  # whether a question of that time may be refused now
    violations: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    copies: dict[str, Copy] = field(default_factory=dict)  # the newest of all clients, by path
    _bodies: dict[tuple[str, str], Facts] = field(default_factory=dict)
    _read: dict[tuple[str, bytes, bool], Facts] = field(default_factory=dict)

    def judge(
        self, page: Page, reply: Reply, asked_at: int, copy: Copy | None, port: int
    ) -> Copy | None:
        """Judge one answer of the server with this port. Return the part that the client keeps."""
        self.tally.count(reply)
        try:
            facts = self._facts(page, reply, asked_at, copy)
        except (IncompleteError, ValueError, KeyError, TypeError, IndexError) as error:
            self._note(page, reply, f"{type(error).__name__}: {error}")
            return None
        etag = reply.headers.get("etag")
        for problem in self._problems(facts, asked_at, port):
            self._note(page, reply, problem)
        return Copy(etag, facts) if etag else None

    def _facts(self, page: Page, reply: Reply, asked_at: int, copy: Copy | None) -> Facts:
        etag = reply.headers.get("etag")
        if reply.status == 304:
            if copy is None or etag != copy.etag:
                raise IncompleteError(f"304 for {etag}, and the client has {copy}")
            return copy.facts
        if reply.status == 404 and page.missing:
            return {page.missing: None}
        if reply.status == 503 and "retry-after" in reply.headers and self.may_refuse(asked_at):
            return {}
        if reply.status != 200:
            raise IncompleteError(f"the status is {reply.status}: {reply.body[:300]!r}")
        facts = self._shown(page, reply, is_settled=etag is not None)
        if etag is not None:
            before = self._bodies.setdefault((page.path, etag), facts)
            if before != facts:
                raise IncompleteError(f"{etag} was {before}, and is {facts}")
        return facts

    def _shown(self, page: Page, reply: Reply, *, is_settled: bool) -> Facts:
        key = (page.path, reply.body, is_settled)
        facts = self._read.get(key)
        if facts is None:
            if len(self._read) >= REMEMBERED:
                del self._read[next(iter(self._read))]
            facts = self._read[key] = page.shown(plain(reply), is_settled)
        return facts

    def _problems(self, facts: Facts, asked_at: int, port: int) -> Iterator[str]:
        """What is wrong. What is right and not hidden, all must show once the bound is over."""
        for name, value in facts.items():
            if name.startswith("last_updated"):
                version = self.world.version(name)
                problem = version.judge(value, asked_at, port)
                self.events.later(partial(version.note, value))
            else:
                fact = self.world[name]
                shown = fact.find(value, asked_at, port)
                problem = fact.complaint(value, asked_at, port) if shown is None else None
                if shown is not None and shown.known_at is None and not fact.is_hidden:
                    self.events.later(shown.know)
            if problem:
                yield problem

    def _note(self, page: Page, reply: Reply, problem: str) -> None:
        etag = reply.headers.get("etag")
        self.violations.append(f"{page.path} {reply.status} {etag}: {problem}")


def plain(reply: Reply) -> bytes:
    """The body as it was before it was compressed."""
    if reply.headers.get("content-encoding") == "zstd":
        return zstandard.ZstdDecompressor().decompress(reply.body)
    return reply.body


async def read_on(judge: Judge, ports: tuple[int, ...], dice: Random) -> None:
    """Ask both servers in turn, sometimes with a kept version, until cancelled."""
    clients = [Client(port) for port in ports]
    copies: dict[str, Copy] = {}
    try:
        while True:
            clients.reverse()
            page = dice.choice(PAGES)
            # Its own copy, which may be old; the copy of another client; or no copy.
            copy = dice.choice([copies, judge.copies, judge.copies, {}]).get(page.path)
            headers = {"Accept-Encoding": dice.choice(ENCODINGS)}
            if copy:
                headers["If-None-Match"] = copy.etag
            asked_at = judge.events.now()
            try:
                reply = await clients[0].ask("GET", page.path, headers)
            except UNANSWERED as error:
                judge.tally.unanswered += 1
                if isinstance(error, TimeoutError) and not judge.may_refuse(asked_at):
                    judge.violations.append(f"{page.path}: no answer in time")
                await asyncio.sleep(0.01)
                continue
            kept = judge.judge(page, reply, asked_at, copy, clients[0].port)
            if kept:
                copies[page.path] = judge.copies[page.path] = kept
            judge.events.answered()
    finally:
        for client in clients:
            client.close()
