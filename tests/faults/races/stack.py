"""The four processes under test, and their faults."""

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import valkey
from faults.races import world
from faults.races.facts import PAUSES_S, Events
from support.platform_data import execute, with_databases
from support.platform_server import PlatformServer, environment_for
from support.services import POSTGRES_STARTUP, Service, Services, free_port, speaks, wait_until

TERMINATE = """
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE application_name = 'wb-platform' AND pid <> pg_backend_pid()
"""
# The server's word for a request that it could not answer.
A_FAILURE = re.compile(r"[A-Z]+ /\S* failed: ")
# The parent's word for the end of one worker, which no fault of the race causes.
A_LOST_WORKER = re.compile(r"\[Workers\] \d+ (was ended by|ended with|failed)")


@dataclass(eq=False)
class Stack:
    """Two servers, one Valkey and one PostgreSQL. Calls that block run in threads.

    Args:
        workers: how many workers each server has.
    """

    postgres: Service
    valkey: Service
    ports: tuple[int, ...] = field(default_factory=lambda: (free_port(), free_port()))
    workers: int = 1
    servers: list[PlatformServer] = field(default_factory=list)
    # What servers said that they should not, and how they should not have ended.
    complaints: list[str] = field(default_factory=list)
    # The times between which the database or a server is away, so that 503 is right.
    away_from: int | None = None
    away_until: int = 0

    @classmethod
    @contextmanager
    def running(cls, services: Services, workers: int = 1) -> "Iterator[Stack]":
        """Start everything with a new instance, and end it after the block."""
        valkey = services.new_valkey(port=free_port())
        stack = cls(services.new_postgres(), valkey, workers=workers)
        with ExitStack() as closing:
            closing.callback(services.remove, stack.postgres, stack.valkey)
            with_databases(stack.postgres.url, world.fill)
            for port in stack.ports:
                stack.servers.append(stack.start_server(port))
                closing.callback(stack.end_place, len(stack.servers) - 1)
            yield stack

    def start_server(self, port: int) -> PlatformServer:
        """Start a server, and wait until it answers from its database."""
        environment = environment_for(self.postgres.url, self.valkey.url)
        environment |= {"PORT": str(port), "WEB_WORKERS": str(self.workers)}
        server = PlatformServer(environment).wait_listening()
        wait_for_workers(server)
        return server

    def end_place(self, place: int, number: int = signal.SIGTERM) -> None:
        """End the server at an index."""
        self.end_server(self.servers[place], number)

    def end_server(self, server: PlatformServer, number: int) -> None:
        """End a server. Note unexpected lines of its log, and an unexpected exit code."""
        try:
            code = server.stop(number)
            lines, log = server.lines, server.log
        finally:
            server.close()
        if code != (0 if number == signal.SIGTERM else -number):
            self.complaints.append(f"after signal {number}, the exit code is {code}: {log}")
        self.complaints += filter(is_complaint, lines)
        if "Traceback" in log:
            self.complaints.append("traceback: " + log[log.index("Traceback") :][:3000])

    def replace_server(self, place: int, number: int) -> None:
        """End a server, and start another at its address."""
        self.end_place(place, number)
        self.servers[place] = self.start_server(self.ports[place])

    @contextmanager
    def away(self, events: Events) -> Iterator[None]:
        """Mark the time of the block as one in which the database or a server is away."""
        self.away_from = events.now()
        yield
        self.away_from, self.away_until = None, events.now()

    def may_refuse(self, asked_at: int) -> bool:
        """Whether an answer that comes now, to a question of that time, may be a 503."""
        return self.away_from is not None or asked_at < self.away_until

    def wait_for_valkey(self) -> None:
        """Wait until Valkey answers."""
        wait_until(lambda: speaks(self.valkey.port, b"PING\r\n", b"+PONG"), "Valkey")

    def ask_valkey(self, *words: str) -> Any:
        """Send one command."""
        with valkey.Valkey.from_url(self.valkey.url) as client:
            return client.execute_command(*words)

    def wait_for_postgres(self) -> None:
        """Wait until PostgreSQL answers."""
        wait_until(lambda: speaks(self.postgres.port, POSTGRES_STARTUP, b"R"), "PostgreSQL")

    async def wait_for_databases(self) -> None:
        """Wait until both servers have their database and are warm."""
        for server in self.servers:
            await in_thread(wait_for_workers, server)


def is_complaint(line: str) -> bool:
    """Whether a server should not have said this.

    A worker that ends is replaced, and its siblings answer meanwhile. So its end shows only here.
    """
    return bool(A_FAILURE.match(line) or A_LOST_WORKER.search(line))


def wait_for_workers(server: PlatformServer) -> None:
    """Wait until each worker has its database.

    The health check leaves out a worker that does not listen yet, or is too busy to say how it is.
    That one may refuse requests still, although the server is said to be ready.
    """

    def have_their_database() -> bool:
        health = server.health()
        workers = health["workers"]
        is_whole = workers["answering"] == workers["count"]
        return is_whole and health["status"] in ("ready", "warm")

    wait_until(have_their_database, "every worker has its database")


def in_thread(do: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
    """Run a blocking call in a thread."""
    return asyncio.to_thread(do, *arguments)


async def pause_valkey(stack: Stack, events: Events, dice: Random) -> None:
    """Valkey accepts connections and does not answer."""
    await in_thread(lambda: stack.valkey.container.kill(signal="SIGSTOP"))
    await events.more_answers(dice.randint(100, 400))
    await in_thread(lambda: stack.valkey.container.kill(signal="SIGCONT"))
    await in_thread(stack.wait_for_valkey)


async def kill_valkey(stack: Stack, events: Events, dice: Random) -> None:
    """Valkey is away for some time, and comes back with its last snapshot."""
    await in_thread(stack.valkey.container.kill)
    await events.more_answers(dice.randint(100, 400))
    await in_thread(stack.valkey.container.start)
    await in_thread(stack.wait_for_valkey)


async def restart_valkey(stack: Stack, _: Events, _dice: Random) -> None:
    """Valkey ends normally, and comes back with its data."""
    await in_thread(stack.valkey.container.restart)
    await in_thread(stack.wait_for_valkey)


async def flush_valkey(stack: Stack, _: Events, _dice: Random) -> None:
    """Valkey forgets everything."""
    await in_thread(stack.ask_valkey, "FLUSHALL")


async def kill_clients(stack: Stack, events: Events, dice: Random) -> None:
    """Every connection to Valkey is cut, several times."""
    for _ in range(dice.randint(1, 5)):
        await in_thread(stack.ask_valkey, "CLIENT", "KILL", "TYPE", "normal")
        await events.more_answers(dice.randint(1, 50))


async def kill_server(stack: Stack, events: Events, dice: Random) -> None:
    """A server is killed and loses its memory. Another takes its place."""
    await replace_server(stack, events, dice, signal.SIGKILL)


async def stop_server(stack: Stack, events: Events, dice: Random) -> None:
    """A server ends normally during requests. Another takes its place."""
    await replace_server(stack, events, dice, signal.SIGTERM)


async def replace_server(stack: Stack, events: Events, dice: Random, number: int) -> None:
    """End one of the servers, and start it again."""
    with stack.away(events):
        await in_thread(stack.replace_server, dice.randrange(len(stack.ports)), number)


async def terminate_backends(stack: Stack, events: Events, _: Random) -> None:
    """Every connection to PostgreSQL ends, also those of the writers."""
    with stack.away(events):
        await in_thread(execute, stack.postgres.url, "postgres", TERMINATE)
        await stack.wait_for_databases()


async def pause_postgres(stack: Stack, events: Events, dice: Random) -> None:
    """PostgreSQL stands still for a moment."""
    with stack.away(events):
        await in_thread(stack.postgres.container.pause)
        await asyncio.sleep(dice.uniform(*PAUSES_S))
        await in_thread(stack.postgres.container.unpause)
        await in_thread(stack.wait_for_postgres)
        await stack.wait_for_databases()


Fault = Callable[[Stack, Events, Random], Awaitable[None]]
FAULTS: dict[str, Fault] = {
    "Valkey paused": pause_valkey,
    "Valkey killed": kill_valkey,
    "Valkey restarted": restart_valkey,
    "Valkey flushed": flush_valkey,
    "connections to Valkey cut": kill_clients,
    "server killed": kill_server,
    "server stopped": stop_server,
    "connections to PostgreSQL cut": terminate_backends,
    "PostgreSQL paused": pause_postgres,
}
