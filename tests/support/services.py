"""Real PostgreSQL and Valkey servers for tests, each in a container of its own."""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wb_cli import __version__

POSTGRES_IMAGE = os.environ.get("WB_TEST_POSTGRES_IMAGE", "wb-postgres:17")
VALKEY_IMAGE = os.environ.get("WB_TEST_VALKEY_IMAGE", "wb-valkey:8")
PLATFORM_IMAGE = f"wb-platform:{__version__}"
READY_WITHIN_S = 60
# Where pytest runs as several processes, each takes ports and subnets of its own share.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
POSTGRES_STARTUP = bytes.fromhex("00000017 00030000") + b"user\0postgres\0\0"


@dataclass(frozen=True)
class Service:
    """A running server: its container (to be stopped, paused or killed by fault tests) and URL."""

    container: Any
    url: str
    host: str
    port: int


class Services:
    """Starts servers on loopback ports of the engine's choice; ``close`` removes them all."""

    def __init__(self, client: Any, labels: Mapping[str, str]) -> None:
        self._client = client
        self._labels = dict(labels)
        self._shared: dict[str, Service] = {}
        self._containers: list[Any] = []

    def postgres(self) -> Service:
        """The one PostgreSQL that this run's tests share."""
        return self._shared.get("postgres") or self._shared.setdefault(
            "postgres", self.new_postgres()
        )

    def valkey(self) -> Service:
        """The one Valkey that this run's tests share."""
        return self._shared.get("valkey") or self._shared.setdefault("valkey", self.new_valkey())

    def new_postgres(self, *command: str) -> Service:
        """A PostgreSQL of the caller's own, for tests that stop or restart it."""
        container, port = self._run(
            POSTGRES_IMAGE,
            5432,
            command or ("postgres", "-c", "fsync=off", "-c", "max_connections=200"),
            {"POSTGRES_PASSWORD": "test"},
        )
        wait_until(lambda: speaks(port, POSTGRES_STARTUP, b"R"), "PostgreSQL")
        return Service(
            container, f"postgresql://postgres:test@127.0.0.1:{port}/postgres", "127.0.0.1", port
        )

    def new_valkey(self, *command: str, port: int | None = None) -> Service:
        """A Valkey of the caller's own, for tests that stop, pause or fill it."""
        container, port = self._run(
            VALKEY_IMAGE, 6379, command or ("valkey-server", "--save", "60", "1"), {}, port
        )
        wait_until(lambda: speaks(port, b"PING\r\n", b"+PONG"), "Valkey")
        return Service(container, f"redis://127.0.0.1:{port}", "127.0.0.1", port)

    def remove(self, *services: Service) -> None:
        """Remove servers of the caller's own, in whatever state they are."""
        for service in services:
            service.container.remove(force=True, v=True)
            self._containers.remove(service.container)

    def close(self) -> None:
        """Remove every server that was started."""
        for container in self._containers:
            container.remove(force=True, v=True)

    def _run(
        self,
        image: str,
        container_port: int,
        command: tuple[str, ...],
        environment: dict[str, str],
        host_port: int | None = None,
    ) -> tuple[Any, int]:
        # A fixed host port lets a server come back at the same address after stop and start.
        host_port = host_port or free_port()
        container = self._client.containers.run(
            image,
            list(command),
            detach=True,
            environment=environment,
            labels=self._labels,
            ports={f"{container_port}/tcp": ("127.0.0.1", host_port)},
        )
        self._containers.append(container)
        return container, host_port


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if is_of_our_share(port):
            return port


def is_of_our_share(port: int) -> bool:
    """Whether no other process of this test run takes this port."""
    # In pairs, as the kernel gives out the odd ones alone while it can.
    return port // 2 % WORKERS == WORKER % WORKERS


def speaks(port: int, request: bytes, answer: bytes, host: str = "127.0.0.1") -> bool:
    """Whether the server on a port, of loopback as a rule, answers a request as a ready one."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(request)
            return connection.recv(16).startswith(answer)
    except OSError:
        return False


def wait_until(is_true: Any, what: str, within: float = READY_WITHIN_S) -> None:
    """Poll a condition every 20 ms until it holds; fail by name when it never does."""
    deadline = time.monotonic() + within
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within:g} s")
        time.sleep(0.02)
