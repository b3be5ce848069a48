"""An Engine in memory. The contract suite holds it to what the real one does."""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from wb_cli.contract import Role
from wb_cli.engine.base import Streams
from wb_cli.engine.keeping import Kept
from wb_cli.engine.render import labels
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
from wb_cli.errors import AddressPoolError, EngineError, ImageMissingError, NotFoundError
from wb_cli.lifecycle.readiness.health import EXEC_PROBES

KILLED = 137
STARTED_AT, FINISHED_AT = "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01.5Z"
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
    return {tuple(probe): (code, words) for role in Role for probe in EXEC_PROBES[role]}


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
        self.programs = dict(programs or {})
        self.before_call: Callable[[str, tuple[Any, ...]], None] = lambda *_: None
        self.after_call: Callable[[str, tuple[Any, ...]], None] = lambda *_: None
        self.memory_reaches_back = True
        self.containers: dict[str, FakeContainer] = {}
        self.networks: dict[str, NetworkSpec] = {}
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

    def observe(self) -> Observed:
        with self._lock:
            return Observed(
                tuple(map(_observed, self.containers.values())),
                tuple(
                    ObservedNetwork(id_, spec.name, (spec.subnet,), labels(spec))
                    for id_, spec in self.networks.items()
                ),
            )

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
                restart_count=3 if found.state is State.RESTARTING else 0,
                finished_at=FINISHED_AT if found.state in {State.EXITED, State.RESTARTING} else "",
            )

    def find_image(self, reference: str) -> ImageInfo | None:
        known = self.images.get(reference)
        return ImageInfo(known) if known else None

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
        return self._add(self.containers, FakeContainer("", spec.name, spec, network, program))

    def start(self, container: str) -> None:
        found = self._container(container)
        if found.state in {State.RUNNING, State.RESTARTING}:  # the engine takes both for started
            return
        self._check_ports(found)
        if found.network not in self.networks:
            raise NotFoundError(f"network {found.network} not found")
        found.state, found.log = State.RUNNING, found.log + found.program.says
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
        self._end(found, KILLED if code is None else code)
        return found.exit_code

    def remove_container(self, container: str) -> None:
        found = self.containers.get(container)
        if found and found.state is State.RUNNING:
            raise EngineError(f"You cannot remove a running container {container}")
        self.containers.pop(container, None)

    def remembers(self, moment: float) -> bool:
        del moment
        return self.memory_reaches_back

    def keep(self, container: str) -> Kept:
        found = self._container(container)
        return Kept(found.name, {"spec": found.spec, "program": found.program}, None)

    def make_again(self, kept: Kept, network: str) -> str:
        self._check_name(kept.name)
        made = FakeContainer("", kept.name, network=network, **kept.configuration)
        return self._add(self.containers, made)

    def rename(self, container: str, name: str) -> None:
        found = self._container(container)
        self._check_name(name)
        found.name = name

    def set_restart_policy(self, container: str, policy: str) -> None:
        found = self._container(container)
        if found.spec.auto_remove:
            raise EngineError("Restart policy cannot be updated because AutoRemove is enabled")
        found.policy = policy

    def read_logs(self, container: str, tail: int) -> str:
        lines = self._container(container).log.splitlines(keepends=True)
        return "".join(lines[-tail:])

    def follow_logs(
        self, container: str, tail: int, wait_for_end: Callable[[], None] | None = None
    ) -> Iterator[bytes]:
        del wait_for_end  # what it wrote is all that it will write
        yield self.read_logs(container, tail).encode()

    def execute(self, container: str, command: Sequence[str]) -> tuple[int, bytes]:
        found = self._container(container)
        if found.state is not State.RUNNING:
            raise EngineError(f"Container {container} is not running")
        return found.program.answers.get(tuple(command), NOT_FOUND)

    def converse(self, container: str, command: Sequence[str], streams: Streams) -> int:
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
        container.is_stopping = False
        if container.policy == "always" and container.program.exits is not None:
            container.state = State.RESTARTING
        if container.spec.auto_remove:
            self.containers.pop(container.id)


def _observed(container: FakeContainer) -> ObservedContainer:
    spec = container.spec
    is_running = container.state is State.RUNNING
    sentence = {
        State.RUNNING: "Up 1 second",
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
        labels=labels(spec),
        ports=spec.ports if is_running else (),
        writes_to=tuple(mount.source for mount in spec.mounts),
        data_folder=spec.data_folder,
        is_stopping=is_running and container.is_stopping,
        networks=() if container.state is State.CREATED else (container.network,),
    )
