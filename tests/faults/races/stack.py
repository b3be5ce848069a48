"""The four processes under test, and what befalls them."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import valkey
from faults.races.facts import Events
from faults.races.wire import UNANSWERED, Client
from platform_data import execute, with_databases
from platform_server import PlatformServer, environment_for
from services import POSTGRES_STARTUP, Service, Services, free_port, speaks, wait_until

from faults.races import world

# How long PostgreSQL stands still: much less than a caller waits for a connection.
PAUSES_S = (0.3, 1.5)
TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'wb-platform' AND pid <> pg_backend_pid()
"""


@dataclass(eq=False)
class Stack:
    """Two servers, one Valkey and one PostgreSQL. What can wait is done in threads."""

    services: Services
    postgres: Service
    valkey: Service
    ports: tuple[int, ...] = field(default_factory=lambda: (free_port(), free_port()))
    servers: list[PlatformServer] = field(default_factory=list)
    # Of every process that has ended, and at the end of all: what it said, and how it ended.
    logs: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    may_refuse: bool = False  # the database or a server is away now, so that 503 is right

    @classmethod
    def start(cls, services: Services) -> "Stack":
        """Start everything, with an instance made anew."""
        stack = cls(services, services.new_postgres(), services.new_valkey(port=free_port()))
        with_databases(stack.postgres.url, world.fill)
        stack.servers = [stack.start_server(port) for port in stack.ports]
        return stack

    def start_server(self, port: int) -> PlatformServer:
        """A server; returns once it answers from its database."""
        environment = environment_for(self.postgres.url, self.valkey.url)
        server = PlatformServer({**environment, "PORT": str(port)}).wait_listening()
        server.wait_status("ready", "warm")
        return server

    def close(self) -> None:
        """End it all."""
        for server in self.servers:
            self.end_server(server, signal.SIGTERM)
        self.services.remove(self.postgres, self.valkey)

    def end_server(self, server: PlatformServer, number: int) -> None:
        """End a server; note what it should not have said, and how it should not have ended."""
        code = server.stop(number)
        server.close()
        self.logs.append(server.log)
        if code != (0 if number == signal.SIGTERM else -number):
            self.complaints.append(f"after signal {number}, the exit code is {code}: {server.log}")
        self.complaints += [line for line in server.lines if " failed: " in line]
        if "Traceback" in server.log:
            self.complaints.append(
                "traceback: " + server.log[server.log.index("Traceback") :][:3000]
            )

    def replace_server(self, place: int, number: int) -> None:
        """End a server, and start another at its address."""
        self.end_server(self.servers[place], number)
        self.servers[place] = self.start_server(self.ports[place])

    def valkey_answers(self) -> None:
        """Return once it does."""
        wait_until(lambda: speaks(self.valkey.port, b"PING\r\n", b"+PONG"), "Valkey")

    def ask_valkey(self, *words: str) -> Any:
        """One command."""
        with valkey.Valkey.from_url(self.valkey.url) as client:
            return client.execute_command(*words)

    def postgres_answers(self) -> None:
        """Return once it does."""
        wait_until(lambda: speaks(self.postgres.port, POSTGRES_STARTUP, b"R"), "PostgreSQL")

    async def servers_have_their_database(self) -> None:
        """Return once both say so."""
        for port in self.ports:
            client = Client(port)
            while not await is_healthy(client):
                await asyncio.sleep(0.02)
            client.close()


async def is_healthy(client: Client) -> bool:
    """Whether the server says that it has its database."""
    with suppress(*UNANSWERED):
        return (await client.ask("GET", "/health_check", {})).status == 200
    return False


def in_thread(do: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
    """What blocks, aside."""
    return asyncio.to_thread(do, *arguments)


async def pause_valkey(stack: Stack, events: Events, dice: Random) -> None:
    """Valkey accepts, and does not answer."""
    await in_thread(lambda: stack.valkey.container.kill(signal="SIGSTOP"))
    await events.more_answers(dice.randint(100, 400))
    await in_thread(lambda: stack.valkey.container.kill(signal="SIGCONT"))
    await in_thread(stack.valkey_answers)


async def kill_valkey(stack: Stack, events: Events, dice: Random) -> None:
    """Valkey is away for some time, and has then what its last snapshot had."""
    await in_thread(stack.valkey.container.kill)
    await events.more_answers(dice.randint(100, 400))
    await in_thread(stack.valkey.container.start)
    await in_thread(stack.valkey_answers)


async def restart_valkey(stack: Stack, _: Events, _dice: Random) -> None:
    """Valkey ends in order, and comes back with what it had."""
    await in_thread(stack.valkey.container.restart)
    await in_thread(stack.valkey_answers)


async def flush_valkey(stack: Stack, _: Events, _dice: Random) -> None:
    """Valkey forgets everything."""
    await in_thread(stack.ask_valkey, "FLUSHALL")


async def kill_clients(stack: Stack, events: Events, dice: Random) -> None:
    """Every connection to Valkey is cut, several times."""
    for _ in range(dice.randint(1, 5)):
        await in_thread(stack.ask_valkey, "CLIENT", "KILL", "TYPE", "normal")
        await events.more_answers(dice.randint(1, 50))


async def kill_server(stack: Stack, events: Events, dice: Random) -> None:
    """A server dies with all that it had in memory; another takes its place."""
    await replace_server(stack, events, dice, signal.SIGKILL)


async def stop_server(stack: Stack, events: Events, dice: Random) -> None:
    """A server ends in order, with requests in progress; another takes its place."""
    await replace_server(stack, events, dice, signal.SIGTERM)


async def replace_server(stack: Stack, _: Events, dice: Random, number: int) -> None:
    """End one of the servers, and start it again."""
    stack.may_refuse = True
    await in_thread(stack.replace_server, dice.randrange(len(stack.ports)), number)
    stack.may_refuse = False


async def terminate_backends(stack: Stack, _: Events, _dice: Random) -> None:
    """Every connection to PostgreSQL ends, those of the writers too."""
    stack.may_refuse = True
    await in_thread(execute, stack.postgres.url, "postgres", TERMINATE)
    await stack.servers_have_their_database()
    stack.may_refuse = False


async def pause_postgres(stack: Stack, _: Events, dice: Random) -> None:
    """PostgreSQL stands still for a moment."""
    stack.may_refuse = True
    await in_thread(stack.postgres.container.pause)
    await asyncio.sleep(dice.uniform(*PAUSES_S))
    await in_thread(stack.postgres.container.unpause)
    await in_thread(stack.postgres_answers)
    await stack.servers_have_their_database()
    stack.may_refuse = False


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
