"""An operator's machine: a registry file, folders and settings of the test's own, and real `wb`."""

import json
import secrets
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from support.command_line import environment_without_settings
from support.made import Made, made
from support.services import (
    POSTGRES_IMAGE,
    VALKEY_IMAGE,
    WORKER,
    WORKERS,
    is_of_our_share,
)

from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET, Part
from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.host import ports

COMMAND_S = 120
# With 10,000 added they are below 32768, where those of outgoing connections begin.
PLATFORM_PORTS = range(11_000, 22_000)
GIVEN_PORTS: set[int] = set()
SUBNET_POOL = f"10.{216 + WORKER % WORKERS}.{uuid.uuid4().int % 256}.0/24"


@dataclass
class Host:
    """Runs `wb` as an operator does, in a process of its own."""

    root: Path
    client: docker.DockerClient
    labels: str
    platform: str
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def servers_file(self) -> Path:
        return self.root / "servers.json"

    @property
    def mount_path(self) -> Path:
        return self.root / "instances"

    @property
    def environ(self) -> dict[str, str]:
        """Nothing of the machine's own settings, nor of the terminal that the tests run on."""
        inherited = environment_without_settings()
        for name in ("COLUMNS", "LINES"):
            inherited.pop(name, None)
        return inherited | {
            "WB_CONFIG_DIR": str(self.root / "config"),
            "SERVERS_FILE_PATH": str(self.servers_file),
            "MOUNT_PATH": str(self.mount_path),
            "WB_SECRETS_DIR": str(self.root / "secrets"),
            "WB_POSTGRES_IMAGE": POSTGRES_IMAGE,
            "WB_VALKEY_IMAGE": VALKEY_IMAGE,
            "WB_SUBNET_POOL": SUBNET_POOL,
            "WB_SUBNET_PREFIX": "29",
            "WB_LABELS": self.labels,
        }

    # What the operator does

    def declare(self, **fields: Any) -> str:
        """A new instance with an id and a port of its own; `fields` are those of its entry."""
        id_ = fields.pop("id", None) or f"t{uuid.uuid4().hex[:8]}"
        port = fields.pop("port", None) or free_pair_of_ports()
        self.entries[id_] = {
            "id": id_,
            "label": "Test",
            "port": port,
            "serverVersion": "1.6.7",
            "image": self.platform,
        } | fields
        self._write()
        return id_

    def prepare(self, **fields: Any) -> str:
        """A new instance with its folders."""
        id_ = self.declare(**fields)
        self.wb("init-dirs", id_)
        return id_

    def change(self, id_: str, **fields: Any) -> None:
        """Edit an instance's entry; `None` takes a field out."""
        entry = self.entries[id_] | fields
        self.entries[id_] = {name: value for name, value in entry.items() if value is not None}
        self._write()

    def forget(self, id_: str) -> None:
        """Take an instance out of the registry file."""
        del self.entries[id_]
        self._write()

    def wb(self, *words: str, exits: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command line to its end, which must be the given exit code."""
        done = self.ran(*words, **environ)
        assert done.returncode == exits, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def ran(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command line to its end, whatever that is."""
        return subprocess.run(
            [sys.executable, "-m", "wb_cli", *words],
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
            env=self.environ | environ,
            cwd=self.root,
        )

    def json(self, *words: str, exits: int = 0, **environ: str) -> Any:
        """The same with `--json`, parsed."""
        return json.loads(self.wb(*words, "--json", exits=exits, **environ).stdout)

    @contextmanager
    def started(
        self, *words: str, prefix: tuple[str, ...] = (), **environ: str
    ) -> Iterator[subprocess.Popen[str]]:
        """A command line that goes on while the test does something else."""
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "wb_cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environ | environ,
            cwd=self.root,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=COMMAND_S)

    # What the test sees

    def port(self, id_: str) -> int:
        return int(self.entries[id_]["port"])

    def folder(self, id_: str) -> Path:
        return self.mount_path / id_

    def container(self, name: str) -> Any:
        """The engine's own view of a container by name."""
        return self.client.containers.get(name)

    def inspect(self, name: str) -> dict[str, Any]:
        return dict(self.client.api.inspect_container(name))

    def ids(self, id_: str) -> dict[str, str]:
        """The container ids of an instance, by part."""
        return {each["Labels"]["wb.role"]: each["Id"] for each in self.listed(id_)}

    def names(self, id_: str) -> set[str]:
        """The names of an instance's containers."""
        return {name.removeprefix("/") for each in self.listed(id_) for name in each["Names"]}

    def declared_names(self) -> set[str]:
        """The names that containers and networks of declared instances may bear."""
        return {part.container_name(id_) for id_ in self.entries for part in Part}

    def listed(self, id_: str) -> list[dict[str, Any]]:
        """One listing, which is right however quickly things come and go."""
        mine = {"label": f"wb.instance={id_}"}
        return list(self.client.api.containers(all=True, filters=mine))

    def containers(self, id_: str) -> list[Any]:
        mine: dict[str, Any] = {"label": f"wb.instance={id_}"}
        return list(self.client.containers.list(all=True, filters=mine, ignore_removed=True))

    def networks(self, id_: str) -> list[Any]:
        return list(self.client.networks.list(filters={"label": f"wb.instance={id_}"}))

    def state(self, id_: str) -> dict[str, Any]:
        """Everything of an instance on the engine, to be compared."""
        found: dict[str, Any] = {}
        for each in self.containers(id_):
            seen = self.inspect(each.id)
            policy = seen["HostConfig"]["RestartPolicy"]["Name"]
            found[each.name] = (each.id, seen["State"]["Status"], policy)
        return found | {network.id: network.name for network in self.networks(id_)}

    @contextmanager
    def events(self, id_: str) -> Iterator[list[tuple[str, str]]]:
        """What the engine does to an instance's containers meanwhile: action and name, in order.

        Complete at the end. They are followed, as the engine remembers but a few hundred events,
        and those of other tests are among them.
        """
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        client: Any = self.client  # the stubs know no fraction of a second
        following = client.events(
            since=f"{seconds}.{nanoseconds:09}",
            decode=True,
            filters={"type": ["container", "volume"]},
        )
        seen: list[tuple[str, str]] = []
        with closing(following._response):
            yield seen
            end = self.client.volumes.create()
            end.remove()
            for event in following:
                attributes = event["Actor"]["Attributes"]
                if event["Actor"]["ID"] == end.name:
                    break
                if attributes.get("wb.instance") == id_:
                    seen.append((event["Action"], attributes["name"]))

    def execute(self, name: str, *command: str) -> tuple[int, str]:
        code, output = self.container(name).exec_run(list(command))
        return code, output.decode()

    def sql(self, id_: str, statement: str) -> str:
        """What PostgreSQL answers, asked from inside its container."""
        name = Part.POSTGRES.container_name(id_)
        code, output = self.execute(name, "psql", "-U", "postgres", "-Atc", statement)
        assert code == 0, output
        return output.strip()

    def valkey(self, id_: str, *words: str) -> str:
        code, output = self.execute(Part.VALKEY.container_name(id_), "valkey-cli", *words)
        assert code == 0, output
        return output.strip()

    def close(self) -> None:
        """`wb stop all` has to find everything; what it leaves is removed, and a failure."""
        try:
            if self.left().names:
                self.wb("stop", "all")
        finally:
            left = self.left()
            left.remove()
        assert left.names == [], "`wb stop all` left these behind"

    def left(self) -> Made:
        """The containers and networks of this host's instances."""
        return made(self.client, LABEL_REGISTRY, lambda file: file == str(self.servers_file))

    def _write(self) -> None:
        self.servers_file.write_text(json.dumps(list(self.entries.values())))


def pipe(host: Host, sent: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command line to its end, with bytes as its input and its outputs."""
    return subprocess.run(
        [sys.executable, "-m", "wb_cli", *words],
        input=sent,
        capture_output=True,
        timeout=COMMAND_S,
        check=False,
        env=host.environ,
    )


def free_pair_of_ports() -> int:
    """A port for a platform that is free together with the one for its PostgreSQL."""
    return free_ports(0, POSTGRES_HOST_PORT_OFFSET)


def free_ports(*offsets: int) -> int:
    """A port that is free together with those that are so far above it.

    Each is given once: what is declared may be started much later. None is one that the kernel
    gives to outgoing connections.
    """
    while True:
        port = secrets.choice(PLATFORM_PORTS)
        wanted = {port + offset for offset in offsets}
        is_ours = all(is_of_our_share(each) and ports.is_free(each) for each in wanted)
        if is_ours and not wanted & GIVEN_PORTS:
            GIVEN_PORTS.update(wanted)
            return port
