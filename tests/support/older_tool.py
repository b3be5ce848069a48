"""Instances as an older tool leaves them running: `docker run -d --rm`, without labels of wb."""

import itertools
import secrets
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import docker
from support.labels import RUN_LABEL
from support.services import POSTGRES_IMAGE, VALKEY_IMAGE, wait_until
from support.wb_host import Host, free_pair_of_ports

from wb_cli.contract import FOLDERS, PGDATA, POSTGRES_HOST_PORT_OFFSET

EVERYWHERE = "0.0.0.0"
READY_S = 60
IDS = itertools.count(1)
PROBED_EVERY_S = 0.02
# The value, or words that say that it is not there. A busy engine may lose an answer.
LAST_ROW = "SELECT coalesce(max(what), 'no row') FROM kept"
LAST_KEY = "return redis.call('GET', KEYS[1]) or 'no key'"
ASKED_AGAIN = 5


@dataclass
class OlderInstance:
    """An instance of the older tool. Its fields say in what it differs from the usual one."""

    host: Host
    folder: str = ""
    quote: str = ""
    has_valkey: bool = True
    has_admin: bool = False
    address: str = EVERYWHERE
    variables: dict[str, str] = field(default_factory=dict)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    id: str = field(default_factory=lambda: f"o{secrets.token_hex(4)}")
    port: int = field(default_factory=free_pair_of_ports)
    password: str = field(default_factory=lambda: f"pass {secrets.token_hex(6)}'s")

    @property
    def client(self) -> docker.DockerClient:
        return self.host.client

    @property
    def path(self) -> str:
        return str(self.host.mount_path / (self.folder or self.id))

    @property
    def names(self) -> list[str]:
        """The names of its containers."""
        parts = ["postgres", *(["valkey"] if self.has_valkey else [])]
        parts += ["admin"] if self.has_admin else []
        return [self.id, *(f"{self.id}-{part}" for part in parts)]

    def start(self) -> "OlderInstance":
        """Start everything, as the older tool does, and wait until the database answers."""
        for name in FOLDERS if self.has_valkey else FOLDERS[:-1]:
            folder = self.host.mount_path / (self.folder or self.id) / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
        if not self.client.networks.list(names=[f"^{self.id}$"]):
            self.client.networks.create(self.id, labels=self._labels)
        self.run(
            "postgres",
            POSTGRES_IMAGE,
            environment={"POSTGRES_PASSWORD": self.password, "PGDATA": PGDATA},
            volumes={"databases": "/var/lib/postgresql/data", "sandbox": "/app/sandbox"},
            ports={"5432/tcp": (self.address, self.port + POSTGRES_HOST_PORT_OFFSET)},
            stop_timeout=30,
        )
        if self.has_valkey:
            self.run(
                "valkey",
                VALKEY_IMAGE,
                command=["valkey-server", "--save", "60", "1"],
                volumes={"valkey_data": "/data"},
            )
        if self.has_admin:
            self.run("admin", self.host.platform)
        self.run(
            "",
            self.host.platform,
            environment=self._environment,
            volumes={"sandbox": "/app/sandbox", "assets": "/app/assets"},
            ports={"8000/tcp": (self.address, self.port)},
        )
        wait_until(self._answers, f"{self.id} of the older tool", READY_S)
        return self

    def run(self, part: str, image: str, **options: Any) -> Any:
        """Start one container."""
        options |= self.changed.get(part, {})
        volumes = {
            source if source.startswith("/") else f"{self.path}/{source}": target
            for source, target in options.pop("volumes", {}).items()
        }
        stop_timeout = options.pop("stop_timeout", 10)
        api: Any = self.client.api
        host_config = api.create_host_config(
            binds=[f"{source}:{target}" for source, target in volumes.items()],
            port_bindings={
                int(inside.split("/")[0]): place
                for inside, place in options.pop("ports", {}).items()
            },
            network_mode=self.id,
            auto_remove=True,
        )
        container = api.create_container(
            image=options.pop("image", image),
            name=f"{self.id}-{part}" if part else self.id,
            labels={**self._labels, **options.pop("labels", {})},
            host_config=host_config,
            stop_timeout=stop_timeout,
            ports=[5432, 8000],
            **options,
        )
        api.start(container["Id"])
        return self.client.containers.get(container["Id"])

    def write(self, what: str) -> None:
        """Write a row, a key that no snapshot has, and a file."""
        self.host.sql(self.id, "CREATE TABLE IF NOT EXISTS kept (what text)")
        self.host.sql(self.id, f"INSERT INTO kept VALUES ('{what}')")
        if self.has_valkey:
            self.host.valkey(self.id, "SET", "kept", what)
        (self.host.mount_path / (self.folder or self.id) / "sandbox" / "kept").write_text(what)

    def read(self) -> dict[str, str]:
        """Read what was written last."""
        sandbox = self.host.mount_path / (self.folder or self.id) / "sandbox"
        found = {
            "row": ask(lambda: self.host.sql(self.id, LAST_ROW)),
            "file": (sandbox / "kept").read_text(),
        }
        if self.has_valkey:
            found["key"] = ask(lambda: self.host.valkey(self.id, "EVAL", LAST_KEY, "1", "kept"))
        return found

    def container_ids(self) -> dict[str, str]:
        """The ids of its containers that are there, by name."""
        listed = self.client.api.containers(all=True)
        names = {each["Names"][0].removeprefix("/"): each["Id"] for each in listed}
        return {name: names[name] for name in self.names if name in names}

    def discard(self) -> None:
        """Remove everything of it, whoever made it."""
        for name in [*self.names, f"{self.id}-valkey"]:
            with suppress(docker.errors.APIError):
                self.client.api.remove_container(name, force=True, v=True)
        wait_until(lambda: not self.container_ids(), f"{self.id} to be gone", READY_S)
        for network in self.client.networks.list(names=[f"^{self.id}$"]):
            network.remove()

    @property
    def _labels(self) -> dict[str, str]:
        name, _, value = self.host.labels.partition("=")
        assert name == RUN_LABEL
        return {name: value}

    @property
    def _environment(self) -> dict[str, str]:
        quote = self.quote
        admin = {"ADMIN_VERSION": "2.1"} if self.has_admin else {}
        return {
            "INSTANCE_ID": f"{quote}{self.id}{quote}",
            "INSTANCE_NAME": f"{quote}Sierra Leone {self.id}{quote}",
            "SERVER_VERSION": "1.6.7",
            "DATABASE_FOLDER": self.folder or self.id,
            "PG_HOST": f"{self.id}-postgres",
            "PG_PORT": "5432",
            "PG_PASSWORD": self.password,
            **admin,
            **self.variables,
        }

    def _answers(self) -> bool:
        name = f"{self.id}-postgres"
        is_ready, _ = self.host.execute(name, "pg_isready", "-h", "127.0.0.1")
        return is_ready == 0 and answers(self.port)


def ask(question: Callable[[], str]) -> str:
    """Ask for a value that is never empty."""
    return next(filter(None, (question() for _ in range(ASKED_AGAIN))), "no answer")


def answers(port: int) -> bool:
    """Whether a platform answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
            return bool(answer.status < 500)
    except OSError:
        return False


@dataclass
class Prober:
    """Asks a platform again and again from outside, and notes when it did not answer."""

    port: int
    longest_s: float = 0.0

    @contextmanager
    def asking(self) -> Iterator["Prober"]:
        """Ask meanwhile."""
        over = threading.Event()
        thread = threading.Thread(target=self._ask, args=(over,))
        thread.start()
        try:
            yield self
        finally:
            over.set()
            thread.join()

    def _ask(self, over: threading.Event) -> None:
        last = time.monotonic()
        while not over.wait(PROBED_EVERY_S):
            if answers(self.port):
                now = time.monotonic()
                self.longest_s, last = max(self.longest_s, now - last), now
