"""An Engine in memory. The contract suite holds it to what the real one does."""

import itertools
import os
import queue
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.engine.base import AS_THE_CONTAINER, Streams, Surroundings
from wb_cli.engine.configuration import Configuration
from wb_cli.engine.description import EngineDescription
from wb_cli.engine.docker.keeping import Kept
from wb_cli.engine.docker.render import labels
from wb_cli.engine.events import Event, Happening, read_event
from wb_cli.engine.log_lines import LogLine, LogStream, LogWanted, count_nanoseconds
from wb_cli.engine.remains import HealthCheck, Remains
from wb_cli.engine.task import Priority, TaskEnd, TaskSpec
from wb_cli.engine.types import (
    ContainerDetail,
    ContainerSpec,
    EngineInfo,
    ImageInfo,
    NetworkSpec,
    Observed,
    ObservedContainer,
    ObservedNetwork,
    State,
)
from wb_cli.engine.usage import Usage
from wb_cli.errors import (
    AddressPoolError,
    EngineError,
    EngineUnreachableError,
    ImageMissingError,
    NotFoundError,
)
from wb_cli.lifecycle.readiness.health import EXEC_PROBES
from wb_cli.quantities import KIB
from wb_cli.secret import Secret

KILLED = 137
WRITTEN_AT = "2026-01-01T00:00:00"
STARTED_AT, FINISHED_AT = "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01.5Z"
# Limits the memory of the program behind it, in KiB.
LIMITED = 'ulimit -v "$1"; shift; exec "$@"'
NOT_FOUND = (127, b"executable file not found in $PATH")
CHANGING = {
    "make_again",
    "create_network",
    "remove_network",
    "create_container",
    "start",
    "stop",
    "remove_container",
    "rename",
    "set_restart_policy",
}
Answers = Mapping[tuple[str, ...], tuple[int, bytes]]


def answers(words: bytes = b"PONG", code: int = 0) -> dict[tuple[str, ...], tuple[int, bytes]]:
    """What every readiness probe that is run inside a container gets to hear."""
    return {tuple(probe): (code, words) for part in Part for probe in EXEC_PROBES[part]}


READY: Answers = answers()
LOADING: Answers = answers(b"LOADING", 1)


@dataclass(frozen=True)
class Program:
    """What a container's process does.

    It says something, ends by itself with ``exits``, or ends with ``stops_with`` when it is told
    to; where that is ``None`` it does not listen and is killed.
    """

    says: str = ""
    exits: int | None = None
    stops_with: int | None = 0
    answers: Answers = field(default_factory=lambda: READY)


@dataclass
class FakeContainer:
    """A container and how it stands."""

    id: str
    name: str
    spec: ContainerSpec
    network: str
    program: Program
    state: State = State.CREATED
    exit_code: int = 0
    policy: str = "no"
    log: str = ""
    is_stopping: bool = False
    cpu: float = 0.5
    restarts: int = 0
    created: float = field(default_factory=time.time)
    oom_killed: bool = False
    is_unhealthy: bool = False
    is_foreign: bool = False


class FakeEngine:
    """See :class:`wb_cli.engine.base.Engine`.

    ``before_call`` is called with each changing call's name and arguments before it is made, and
    may raise; ``after_call`` likewise once it is made, as where an answer is lost.
    Programs are found by command, else by image.
    """

    def __init__(
        self, images: Sequence[str], programs: Mapping[Any, Program] | None = None
    ) -> None:
        self.images = {reference: f"sha256:{reference}" for reference in images}
        self.postgres_versions: dict[str, str] = {}
        self.waiting_images: set[str] = set()
        self.programs = dict(programs or {})
        self.before_call: Callable[[str, tuple[Any, ...]], None] = lambda *_: None
        self.after_call: Callable[[str, tuple[Any, ...]], None] = lambda *_: None
        self.memory_reaches_back = True
        self.containers: dict[str, FakeContainer] = {}
        self.networks: dict[str, NetworkSpec] = {}
        self.foreign_networks: set[str] = set()
        self.kept: dict[str, dict[str, Any]] = {}
        self.followers: list[queue.SimpleQueue[Event | Exception | None]] = []
        self.clock = 0.0
        self.past: list[Event] = []
        self._ids = itertools.count(1)
        self._lock = threading.RLock()

    def __getattribute__(self, name: str) -> Any:
        """Announce changing calls; one at a time, as two lanes may make them at once."""
        method = super().__getattribute__(name)
        if name not in CHANGING:
            return method

        def call(*arguments: Any) -> Any:
            with self._lock:
                self.before_call(name, arguments)
                result = method(*arguments)
                self.after_call(name, arguments)
                return result

        return call

    # What the tests do to it

    def named(self, name: str) -> FakeContainer:
        """The container of that name."""
        return next(each for each in self.containers.values() if each.name == name)

    def crash(self, name: str, code: int = 1) -> None:
        """End a container's process from outside."""
        container = self.named(name)
        container.state, container.exit_code = State.EXITED, code
        self._tell(container, Happening.ENDED)

    def go_away(self) -> None:
        """Break every stream of events, as when the engine ends."""
        for follower in self.followers:
            follower.put(EngineUnreachableError("the engine has gone away"))

    def snapshot(self) -> dict[str, Any]:
        """Everything that can be seen from outside, to be compared."""
        with self._lock:
            found: dict[str, Any] = {
                each.name: (each.id, each.state, each.policy, each.network)
                for each in self.containers.values()
            }
            return found | {f"network {id_}": spec for id_, spec in self.networks.items()}

    # The Engine

    is_local = False

    def read_info(self) -> EngineInfo:
        return EngineInfo("20.10", "tcp://fake")

    def describe(self) -> EngineDescription:
        return EngineDescription(
            version="20.10",
            storage_driver="overlay2",
            log_driver="json-file",
            root="/var/lib/docker",
            kernel="6.1.0",
            memory=2**34,
            clock_ahead_s=0,
        )

    def observe(self) -> Observed:
        with self._lock:
            return Observed(
                tuple(map(_observed, self.containers.values())),
                tuple(
                    ObservedNetwork(
                        id_,
                        spec.name,
                        (spec.subnet,),
                        {} if id_ in self.foreign_networks else labels(spec),
                    )
                    for id_, spec in self.networks.items()
                ),
            )

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        return tuple(replace(each, is_stopping=False) for each in self.observe().containers)

    def inspect(self, container: str) -> ContainerDetail:
        with self._lock:
            found = self._container(container)
            return ContainerDetail(
                id=found.id,
                name=found.name,
                state=found.state,
                exit_code=found.exit_code,
                started_at="" if found.state is State.CREATED else STARTED_AT,
                restart_policy=found.policy,
                restart_count=found.restarts or (3 if found.state is State.RESTARTING else 0),
                finished_at=FINISHED_AT if found.state in {State.EXITED, State.RESTARTING} else "",
                oom_killed=found.oom_killed,
            )

    def follow_events(self, stopped: threading.Event) -> Iterator[Event]:
        told: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()
        self.followers.append(told)

        def end() -> None:
            stopped.wait()
            told.put(None)

        threading.Thread(target=end, daemon=True).start()
        return _read_told(told)

    def read_usage(self, container: str) -> Usage | None:
        found = self._container(container)
        if found.state is not State.RUNNING:
            return None
        self.clock += 1
        return Usage(self.clock, self.clock * found.cpu, 10 * 1024**2, 0, 2048, 1024)

    def find_image(self, reference: str) -> ImageInfo | None:
        if reference not in self.images:
            return None
        known = self.images[reference]
        return ImageInfo(
            known,
            postgres_version=self.postgres_versions.get(known, ""),
            waits_for_database=reference in self.waiting_images,
        )

    def create_network(self, spec: NetworkSpec) -> str:
        taken = [IPv4Network(each.subnet) for each in self.networks.values()]
        if any(IPv4Network(spec.subnet).overlaps(each) for each in taken):
            raise AddressPoolError("Pool overlaps with other one on this address space")
        if any(each.name == spec.name for each in self.networks.values()):
            raise EngineError(f"network with name {spec.name} already exists")
        return self._add(self.networks, spec)

    def remove_network(self, network: str) -> None:
        if any(c.network == network and c.state is State.RUNNING for c in self.containers.values()):
            raise EngineError(f"network {network} has active endpoints")
        self.networks.pop(network, None)

    def create_container(self, spec: ContainerSpec, network: str) -> str:
        if spec.image not in self.images:
            raise ImageMissingError(f"No such image: {spec.image}")
        self._check_name(spec.name)
        for mount in spec.mounts:
            if not Path(mount.source).exists():
                raise EngineError(f"bind source path does not exist: {mount.source}")
        program = self.programs.get(spec.command) or self.programs.get(spec.image) or Program()
        id_ = self._add(self.containers, FakeContainer("", spec.name, spec, network, program))
        self._tell(self.containers[id_], Happening.CREATED)
        return id_

    def start(self, container: str) -> None:
        found = self._container(container)
        if found.state in {State.RUNNING, State.RESTARTING}:  # the engine takes both for started
            return
        self._check_ports(found)
        if found.network not in self.networks:
            raise NotFoundError(f"network {found.network} not found")
        found.state, found.log = State.RUNNING, found.log + found.program.says
        self._tell(found, Happening.STARTED)
        if found.program.exits is not None:
            self._end(found, found.program.exits)

    def stop(self, container: str, timeout: int) -> int | None:
        del timeout
        found = self.containers.get(container)
        if not found:
            return None
        if found.state is State.RESTARTING:
            found.state = State.EXITED
        if found.state not in {State.RUNNING, State.PAUSED}:
            return None
        code = found.program.stops_with
        self._tell(found, Happening.SIGNALLED, signal="15")
        self._end(found, KILLED if code is None else code)
        return found.exit_code

    def remove_container(self, container: str) -> None:
        found = self.containers.get(container)
        if found and found.state is State.RUNNING:
            raise EngineError(f"You cannot remove a running container {container}")
        if found:
            del self.containers[container]
            self._tell(found, Happening.REMOVED)

    def remembers(self, moment: float) -> bool:
        del moment
        return self.memory_reaches_back

    def keep(self, container: str) -> Kept:
        found = self._container(container)
        self.kept[found.id] = {
            "spec": found.spec,
            "program": found.program,
            "is_foreign": found.is_foreign,
        }
        return Kept(found.name, {"id": found.id}, None)

    def read_configuration(self, container: str) -> Configuration:
        found = self._container(container)
        spec = found.spec
        return Configuration(
            image=spec.image,
            image_id=f"sha256:{spec.image}",
            environment={
                name: value if isinstance(value, Secret) else Secret(value)
                for name, value in spec.environment.items()
            },
            command=spec.command,
            mounts=spec.mounts,
            ports=spec.ports,
            memory=spec.memory or 0,
            cpus=spec.cpus or 0.0,
        )

    def make_again(self, kept: Kept, network: str) -> str:
        self._check_name(kept.name)
        parts = self.kept[kept.configuration["id"]]
        made = FakeContainer("", kept.name, network=network, **parts)
        return self._add(self.containers, made)

    def rename(self, container: str, name: str) -> None:
        found = self._container(container)
        self._check_name(name)
        old_name, found.name = found.name, name
        self._tell(found, Happening.RENAMED, oldName=old_name)

    def set_restart_policy(self, container: str, policy: str) -> None:
        found = self._container(container)
        if found.spec.auto_remove:
            raise EngineError("Restart policy cannot be updated because AutoRemove is enabled")
        found.policy = policy

    def read_logs(self, container: str, tail: int) -> str:
        lines = self._container(container).log.splitlines(keepends=True)
        return "".join(lines[-tail:])

    def read_lines(self, container: str, wanted: LogWanted) -> Generator[LogLine, None, None]:
        lines = [
            LogLine(f"{WRITTEN_AT}.{number:09}Z", LogStream.STDOUT, text.encode())
            for number, text in enumerate(self._container(container).log.splitlines(keepends=True))
        ]
        for line in lines[-wanted.tail :] if wanted.tail else lines if wanted.tail is None else ():
            moment = count_nanoseconds(line.moment)
            if wanted.since <= moment <= (wanted.until or moment):
                yield line

    def read_remains(self, container: str, lines: int, at_most: int) -> Remains:
        found = self._container(container)
        written = self._container(container).log.splitlines(keepends=True)[-lines:]
        checks = (HealthCheck(FINISHED_AT, 1, "no answer\n"),) if found.is_unhealthy else ()
        return Remains(
            self.inspect(container),
            found.spec.image,
            self.images[found.spec.image],
            STARTED_AT,
            command=found.spec.command,
            environment={
                name: value if isinstance(value, Secret) else Secret(value)
                for name, value in found.spec.environment.items()
            },
            health_log=checks,
            log="".join(f"{STARTED_AT} {line}" for line in written)[-at_most:],
        )

    def recall_events(self, instance: str) -> tuple[Event, ...]:
        return tuple(event for event in self.past if event.instance == instance)

    def execute(self, container: str, command: Sequence[str]) -> tuple[int, bytes]:
        found = self._container(container)
        if found.state is not State.RUNNING:
            raise EngineError(f"Container {container} is not running")
        return found.program.answers.get(tuple(command), NOT_FOUND)

    def open_outpost(
        self, image: str, command: Sequence[str], labels: Mapping[str, str]
    ) -> "LocalChannel":
        del labels
        if image not in self.images:
            raise ImageMissingError(f"No such image: {image}")
        return LocalChannel(command)

    def run_task(
        self, spec: TaskSpec, on_line: Callable[[str], None], cancelled: threading.Event
    ) -> TaskEnd:
        if spec.image not in self.images:
            raise ImageMissingError(f"No such image: {spec.image}")
        secrets = {name: secret.reveal() for name, secret in spec.secrets.items()}
        limit = ("sh", "-c", LIMITED, "limited", str(spec.memory // KIB)) if spec.memory else ()
        niceness = {Priority.NORMAL: 0, Priority.LOW: 10, Priority.IDLE: 19}[spec.priority]
        with subprocess.Popen(
            ("nice", "-n", str(niceness), *limit, *spec.command),
            env={**os.environ, **spec.environment, **secrets},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while process.poll() is None and not cancelled.wait(0.05):
                pass
            process.terminate()
            said, complaints = process.communicate()
        if cancelled.is_set():
            raise InterruptedError
        if process.returncode < 0:
            raise EngineError(f"{spec.command[0]} was ended from outside")
        for line in said.splitlines():
            on_line(line)
        return TaskEnd(process.returncode, tuple(complaints.splitlines()))

    def converse(
        self,
        container: str,
        command: Sequence[str],
        streams: Streams,
        surroundings: Surroundings = AS_THE_CONTAINER,
    ) -> int:
        del surroundings  # a program's answer does not depend on them
        code, output = self.execute(container, command)
        streams.on_stdout(output)
        return code

    def _add(self, things: dict[str, Any], thing: Any) -> str:
        id_ = f"{next(self._ids):064x}"
        things[id_] = thing
        if isinstance(thing, FakeContainer):
            thing.id = id_
        return id_

    def _container(self, id_: str) -> FakeContainer:
        if id_ not in self.containers:
            raise NotFoundError(f"No such container: {id_}")
        return self.containers[id_]

    def _check_name(self, name: str) -> None:
        if any(each.name == name for each in self.containers.values()):
            raise EngineError(f'Conflict. The container name "/{name}" is already in use')

    def _check_ports(self, container: FakeContainer) -> None:
        taken = {
            p.host
            for c in self.containers.values()
            if c.state is State.RUNNING
            for p in c.spec.ports
        }
        for port in container.spec.ports:
            if port.host in taken:
                raise EngineError(
                    f"Bind for {port.address}:{port.host} failed: port is already allocated"
                )

    def _end(self, container: FakeContainer, code: int) -> None:
        container.state, container.exit_code = State.EXITED, code
        self._tell(container, Happening.ENDED)
        container.is_stopping = False
        if container.policy == "always" and container.program.exits is not None:
            container.state = State.RESTARTING
        if container.spec.auto_remove:
            self.containers.pop(container.id)
            self._tell(container, Happening.REMOVED)

    def _tell(self, container: FakeContainer, what: Happening, **attributes: str) -> None:
        ended = {"exitCode": str(container.exit_code)} if what is Happening.ENDED else {}
        actor = {**labels(container.spec), "name": container.name, **ended, **attributes}
        event = read_event(
            {
                "Action": what,
                "Actor": {"ID": container.id, "Attributes": actor},
                "timeNano": time.time_ns(),
            }
        )
        if event:
            self.past.append(event)
            for follower in self.followers:
                follower.put(event)


def _read_told(told: "queue.SimpleQueue[Event | Exception | None]") -> Iterator[Event]:
    while (event := told.get()) is not None:
        if isinstance(event, Exception):
            raise event
        yield event


def _observed(container: FakeContainer) -> ObservedContainer:
    spec = container.spec
    is_running = container.state is State.RUNNING
    sentence = {
        State.RUNNING: "Up 1 second" + " (unhealthy)" * container.is_unhealthy,
        State.CREATED: "Created",
        State.EXITED: f"Exited ({container.exit_code}) 1 second ago",
    }
    return ObservedContainer(
        id=container.id,
        name=container.name,
        state=container.state,
        status=sentence.get(container.state, container.state.capitalize()),
        image=spec.image,
        image_id=f"sha256:{spec.image}",
        labels={} if container.is_foreign else labels(spec),
        ports=spec.ports if is_running else (),
        writes_to=tuple(mount.source for mount in spec.mounts),
        data_folder=spec.data_folder,
        is_stopping=is_running and container.is_stopping,
        networks=() if container.state is State.CREATED else (container.network,),
        created=container.created,
    )


class LocalChannel:
    """A command on this machine, as if it were that of an engine elsewhere."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def send(self, data: bytes) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise EngineUnreachableError("the command has ended") from error

    def receive(self, within_s: float) -> bytes:
        assert self._process.stdout
        if self._process.stdout.closed:
            raise EngineUnreachableError("the command has ended")
        ready, _, _ = select.select([self._process.stdout], [], [], within_s)
        data = os.read(self._process.stdout.fileno(), 65536) if ready else b""
        if not data:
            raise EngineUnreachableError("the command has ended, or says nothing")
        return data

    def close(self) -> None:
        """End the command and all that it started, as the end of a container does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            with suppress(OSError):
                stream.close()
        self._process.wait()
