"""The contract of an Engine: one suite for the fake engine and the real engine."""

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.fake_engine import FakeEngine, Program
from support.services import VALKEY_IMAGE, free_port, wait_until

from wb_cli.contract import Part
from wb_cli.engine.base import Channel, Engine, Streams
from wb_cli.engine.docker.docker_engine import DockerEngine
from wb_cli.engine.docker.keeping import Kept
from wb_cli.engine.events import Event, Happening
from wb_cli.engine.log_lines import LogStream, LogWanted, count_nanoseconds
from wb_cli.engine.task import Priority, TaskEnd, TaskSpec
from wb_cli.engine.types import (
    ContainerSpec,
    Mount,
    NetworkSpec,
    ObservedContainer,
    ObservedNetwork,
    Port,
    State,
)
from wb_cli.errors import (
    AddressPoolError,
    EngineError,
    EngineUnreachableError,
    ImageMissingError,
    NotFoundError,
)
from wb_cli.secret import Secret

# Each run takes its own slice, so that two runs on one engine do not use the same subnets.
# Processes that share the tests have ranges of their own.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
SUBNETS = (
    f"10.{200 + int(WORKER) % 8}.{third}.{fourth}/28"
    for third in range(uuid.uuid4().int % 200, 255)
    for fourth in range(0, 256, 16)
)
UNKNOWN = "f" * 64
STOP_S = 5
WAIT_S = 30.0


def shell(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


# The programs that run on a real engine, and their behaviour on the fake engine.
OBEDIENT = shell("echo one; echo two; trap 'exit 0' TERM; while :; do sleep 0.05; done")
DEAF = shell("trap '' TERM; echo deaf; while :; do sleep 0.05; done")
SULKING = shell("trap 'exit 3' TERM; while :; do sleep 0.05; done")
FAILING = shell("echo no config; exit 7")
KILLED_BEFORE = shell("exit 137")
ECHO, REFUSAL, UNHEARD_OF = ("echo", "yes"), ("false",), ("no-such-program",)
PROGRAMS = {
    OBEDIENT: Program("one\ntwo\n", answers={ECHO: (0, b"yes\n"), REFUSAL: (1, b"")}),
    DEAF: Program("deaf\n", stops_with=None),
    SULKING: Program(stops_with=3),
    FAILING: Program("no config\n", exits=7),
    KILLED_BEFORE: Program(exits=137),
}


@dataclass
class Bench:
    """An engine, the id of the test's own instance, and everything that is made for it."""

    engine: Engine
    labels: dict[str, str]
    instance: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:8]}")
    networks: list[str] = field(default_factory=list)

    def network(self, subnet: str = "") -> str:
        spec = NetworkSpec(self.instance, subnet or next(SUBNETS), self.labels)
        self.networks.append(self.engine.create_network(spec))
        return self.networks[-1]

    def spec(self, command: tuple[str, ...] = OBEDIENT, **changes: Any) -> ContainerSpec:
        settings = {"part": Part.VALKEY, "image": VALKEY_IMAGE, "labels": self.labels} | changes
        return ContainerSpec(instance=self.instance, command=command, **settings)

    def create(self, command: tuple[str, ...] = OBEDIENT, **changes: Any) -> str:
        network = self.networks[0] if self.networks else self.network()
        return self.engine.create_container(self.spec(command, **changes), network)

    def start(self, command: tuple[str, ...] = OBEDIENT, **changes: Any) -> str:
        container = self.create(command, **changes)
        self.engine.start(container)
        return container

    def start_and_wait_for(self, command: tuple[str, ...], says: str) -> str:
        """Start a container, and wait until its script has set its traps."""
        container = self.start(command)
        wait_until(lambda: says in self.engine.read_logs(container, 10), says)
        return container

    def container(self, id_: str) -> ObservedContainer:
        containers = self.engine.observe().containers
        return next(container for container in containers if container.id == id_)

    def observed_networks(self) -> list[ObservedNetwork]:
        return [n for n in self.engine.observe().networks if n.instance == self.instance]

    def is_there(self, id_: str) -> bool:
        return any(container.id == id_ for container in self.engine.observe().containers)

    def close(self) -> None:
        for container in self.engine.observe().containers:
            if container.instance == self.instance:
                self.engine.stop(container.id, 0)
                self.engine.remove_container(container.id)
        for network in self.networks:
            self.engine.remove_network(network)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def make(request: pytest.FixtureRequest, run_id: str) -> Iterator[Callable[[], Bench]]:
    labels = {"wb.test.run": run_id}
    if request.param == "fake":
        engine: Engine = FakeEngine([VALKEY_IMAGE], PROGRAMS)
    else:
        engine = DockerEngine(request.getfixturevalue("docker_client"))
    made: list[Bench] = []

    def make_bench() -> Bench:
        made.append(Bench(engine, labels))
        return made[-1]

    yield make_bench
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make: Callable[[], Bench]) -> Bench:
    return make()


def test_a_network_is_listed_with_its_name_subnet_and_labels(bench: Bench) -> None:
    subnet = next(SUBNETS)
    network = bench.network(subnet)
    (observed,) = bench.observed_networks()
    assert (observed.id, observed.name, observed.subnets) == (network, bench.instance, (subnet,))
    assert bench.labels.items() <= observed.labels.items()


def test_a_subnet_that_overlaps_another_is_refused(bench: Bench, make: Callable[[], Bench]) -> None:
    subnet = next(SUBNETS)
    bench.network(subnet)
    with pytest.raises(AddressPoolError):
        make().network(subnet)


def test_a_second_network_of_the_same_name_is_refused(bench: Bench) -> None:
    bench.network()
    with pytest.raises(EngineError):
        bench.network()
    assert len(bench.observed_networks()) == 1


def test_a_network_can_be_removed_twice(bench: Bench) -> None:
    network = bench.network()
    for _ in range(2):
        bench.engine.remove_network(network)
    assert bench.observed_networks() == []


def test_a_network_with_a_running_container_is_not_removed(bench: Bench) -> None:
    bench.start()
    with pytest.raises(EngineError):
        bench.engine.remove_network(bench.networks[0])
    assert len(bench.observed_networks()) == 1


def test_a_created_container_is_found_by_label_and_does_not_run(bench: Bench) -> None:
    container = bench.create(auto_remove=False)
    observed = bench.container(container)
    assert (observed.instance, observed.part) == (bench.instance, Part.VALKEY)
    assert (observed.name, observed.state, observed.is_running) == (
        f"{bench.instance}-valkey",
        State.CREATED,
        False,
    )
    assert bench.engine.inspect(container).restart_policy == "no"


def test_a_running_container_is_listed_with_its_ports_mounts_and_status(
    bench: Bench, tmp_path: Path
) -> None:
    ports = (Port(6379, free_port()),)
    container = bench.start(mounts=(Mount(str(tmp_path), "/data"),), ports=ports)
    observed = bench.container(container)
    assert observed.is_running
    assert observed.status.startswith("Up ")
    assert observed.ports == ports
    assert observed.networks == (bench.networks[0],)
    assert str(tmp_path) in observed.writes_to
    assert observed.image == VALKEY_IMAGE


def test_containers_can_be_listed_alone(bench: Bench) -> None:
    container = bench.start()
    (listed,) = (each for each in bench.engine.list_containers() if each.id == container)
    (observed,) = (each for each in bench.engine.observe().containers if each.id == container)
    assert replace(listed, status="") == replace(observed, status="")


def test_the_error_for_a_missing_image_names_it(bench: Bench) -> None:
    with pytest.raises(ImageMissingError, match="wb-no-such-image"):
        bench.create(image="wb-no-such-image:1")


def test_the_image_of_a_reference_has_an_id_and_an_unknown_one_is_none(bench: Bench) -> None:
    image = bench.engine.find_image(VALKEY_IMAGE)
    assert image is not None
    assert image.id.startswith("sha256:")
    assert bench.engine.find_image("wb-no-such-image:1") is None


def test_a_name_that_is_taken_is_refused(bench: Bench) -> None:
    first = bench.create()
    with pytest.raises(EngineError, match=f"{bench.instance}-valkey"):
        bench.create()
    assert bench.is_there(first)


def test_a_missing_mount_source_is_refused_and_not_made(bench: Bench, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(EngineError, match=str(missing)):
        bench.create(mounts=(Mount(str(missing), "/data"),))
    assert not missing.exists()


def test_a_container_can_be_started_twice(bench: Bench) -> None:
    container = bench.start()
    bench.engine.start(container)
    assert bench.engine.inspect(container).state is State.RUNNING


def test_a_port_that_another_container_has_is_refused(
    bench: Bench, make: Callable[[], Bench]
) -> None:
    ports = (Port(6379, free_port()),)
    bench.start(ports=ports)
    other = make()
    container = other.create(ports=ports)
    with pytest.raises(EngineError, match=str(ports[0].host)):
        other.engine.start(container)
    assert not other.container(container).is_running


@pytest.mark.parametrize(
    ("program", "says", "code"), [(OBEDIENT, "two", 0), (DEAF, "deaf", 137)], ids=["0", "killed"]
)
def test_stop_gives_the_exit_code(
    bench: Bench, program: tuple[str, ...], says: str, code: int
) -> None:
    container = bench.start_and_wait_for(program, says)
    assert bench.engine.stop(container, 1) == code
    detail = bench.engine.inspect(container)
    assert (detail.state, detail.exit_code) == (State.EXITED, code)
    assert bench.container(container).status.startswith(f"Exited ({code})")


def test_stopping_a_container_that_is_down_gives_none(bench: Bench) -> None:
    container = bench.start_and_wait_for(OBEDIENT, "two")
    assert [bench.engine.stop(container, STOP_S) for _ in range(2)] == [0, None]
    assert bench.engine.stop(bench.create(part=Part.POSTGRES), STOP_S) is None


def test_stopping_a_killed_container_gives_none_and_keeps_its_exit_code(bench: Bench) -> None:
    container = bench.start(KILLED_BEFORE)
    wait_until(lambda: bench.engine.inspect(container).state is State.EXITED, "the end")
    assert bench.engine.stop(container, STOP_S) is None
    assert bench.engine.inspect(container).exit_code == 137


def test_stopping_a_container_between_two_restarts_gives_none(bench: Bench) -> None:
    container = bench.create(KILLED_BEFORE)
    bench.engine.set_restart_policy(container, "always")
    bench.engine.start(container)

    def is_between_two_starts() -> bool:
        """The time between two starts grows with each restart: it is 0.8 s after three."""
        detail = bench.engine.inspect(container)
        return detail.state is State.RESTARTING and detail.restart_count >= 3

    wait_until(is_between_two_starts, "the crash loop")
    assert bench.engine.stop(container, STOP_S) is None
    assert bench.engine.inspect(container).state is State.EXITED


def test_stopping_an_unknown_container_gives_none(bench: Bench) -> None:
    assert bench.engine.stop(UNKNOWN, STOP_S) is None


def test_a_container_with_rm_gives_an_exit_code_and_can_still_be_removed(
    bench: Bench,
) -> None:
    container = bench.start(SULKING, auto_remove=True)
    wait_until(lambda: bench.engine.inspect(container).state is State.RUNNING, "running")
    assert bench.engine.stop(container, STOP_S) in {3, 143}
    bench.engine.remove_container(container)
    assert not bench.is_there(container)
    assert bench.engine.stop(container, STOP_S) is None


def test_a_container_that_exits_by_itself_keeps_its_exit_code_and_its_log(bench: Bench) -> None:
    container = bench.start(FAILING)
    wait_until(lambda: bench.engine.inspect(container).state is State.EXITED, "exited")
    assert bench.engine.inspect(container).exit_code == 7
    assert bench.engine.read_logs(container, 10) == "no config\n"


def test_a_container_can_be_removed_twice(bench: Bench) -> None:
    container = bench.create()
    for _ in range(2):
        bench.engine.remove_container(container)
    assert not bench.is_there(container)


def test_a_running_container_is_not_removed(bench: Bench) -> None:
    container = bench.start()
    with pytest.raises(EngineError):
        bench.engine.remove_container(container)
    assert bench.container(container).is_running


def test_after_a_removal_the_name_is_free_at_once(bench: Bench) -> None:
    bench.engine.remove_container(bench.create())
    assert bench.is_there(bench.create())


def test_a_renamed_container_keeps_its_id_and_frees_its_name(bench: Bench) -> None:
    container = bench.start()
    bench.engine.rename(container, f"{bench.instance}-valkey-previous")
    observed = bench.container(container)
    assert (observed.name, observed.is_running) == (f"{bench.instance}-valkey-previous", True)
    assert bench.is_there(bench.create())


def test_renaming_to_a_name_that_is_taken_is_refused(bench: Bench) -> None:
    container, _ = bench.create(), bench.create(part=Part.POSTGRES)
    with pytest.raises(EngineError):
        bench.engine.rename(container, f"{bench.instance}-postgres")
    assert bench.container(container).name == f"{bench.instance}-valkey"


def test_the_restart_policy_can_be_switched_on_and_off(bench: Bench) -> None:
    container = bench.start()
    for policy in ("always", "no"):
        bench.engine.set_restart_policy(container, policy)
        assert bench.engine.inspect(container).restart_policy == policy


def test_a_supervised_container_stays_down_after_a_stop(bench: Bench) -> None:
    container = bench.start_and_wait_for(OBEDIENT, "two")
    bench.engine.set_restart_policy(container, "always")
    bench.engine.stop(container, STOP_S)
    assert bench.engine.inspect(container).state is State.EXITED


def test_a_container_with_rm_cannot_be_supervised(bench: Bench) -> None:
    container = bench.start(auto_remove=True)
    with pytest.raises(EngineError):
        bench.engine.set_restart_policy(container, "always")


def test_a_container_with_rm_is_made_again_as_it_was(bench: Bench, tmp_path: Path) -> None:
    mount = Mount(str(tmp_path), "/data")
    first = bench.start(auto_remove=True, mounts=(mount,))
    before, kept = bench.container(first), bench.engine.keep(first)
    bench.engine.stop(first, STOP_S)
    bench.engine.remove_container(first)
    again = bench.engine.make_again(kept, bench.networks[0])
    bench.engine.start(again)
    after = bench.container(again)
    assert (after.name, after.state, after.image_id, after.labels, after.data_folder) == (
        before.name,
        State.RUNNING,
        before.image_id,
        before.labels,
        str(tmp_path),
    )
    assert bench.networks[0] in after.networks
    bench.engine.stop(again, STOP_S)
    bench.engine.remove_container(again)
    assert not bench.is_there(again)


def test_the_repr_of_a_kept_container_shows_no_secret(bench: Bench) -> None:
    container = bench.create(environment={"TOKEN": Secret("sesame")})
    assert "sesame" not in repr(bench.engine.keep(container))


def test_an_engine_describes_itself_and_its_machine(bench: Bench) -> None:
    description = bench.engine.describe()
    assert description.version == bench.engine.read_info().version
    assert description.storage_driver
    assert description.log_driver
    assert description.root.startswith("/")
    assert description.kernel[0].isdigit()
    assert description.memory > 2**20
    assert abs(description.clock_ahead_s) < 2


def test_the_log_of_a_container_has_a_limit(bench: Bench) -> None:
    assert not bench.engine.inspect(bench.create()).is_log_unbounded


def test_events_reach_back_to_this_moment(bench: Bench) -> None:
    bench.start()
    assert bench.engine.remembers(time.time())


def test_logs_give_the_last_lines(bench: Bench) -> None:
    container = bench.start_and_wait_for(OBEDIENT, "two")
    assert bench.engine.read_logs(container, 10) == "one\ntwo\n"
    assert bench.engine.read_logs(container, 1) == "two\n"


def test_the_remains_of_a_container_tell_how_it_ended(bench: Bench) -> None:
    container = bench.start(FAILING, environment={"TOKEN": Secret("sesame")})
    wait_until(lambda: bench.engine.inspect(container).state is State.EXITED, "exited")
    remains = bench.engine.read_remains(container, 10, 1000)
    assert remains.detail == bench.engine.inspect(container)
    assert (remains.detail.exit_code, remains.image) == (7, VALKEY_IMAGE)
    moment, _, line = remains.log.partition(" ")
    assert (moment[4], moment[-1], line) == ("-", "Z", "no config\n")
    assert remains.environment["TOKEN"] == Secret("sesame")
    assert "sesame" not in repr(remains)


def test_the_remains_have_the_last_lines_and_no_more_bytes_than_asked_for(bench: Bench) -> None:
    container = bench.start_and_wait_for(OBEDIENT, "two")
    assert bench.engine.read_remains(container, 1, 1000).log.endswith("Z two\n")
    assert "one" not in bench.engine.read_remains(container, 1, 1000).log
    assert len(bench.engine.read_remains(container, 10, 50).log) <= 50


def test_what_happened_to_a_container_is_remembered(bench: Bench) -> None:
    container = bench.start(FAILING)
    wait_until(lambda: bench.engine.inspect(container).state is State.EXITED, "exited")
    past = [e for e in bench.engine.recall_events(bench.instance) if e.container == container]
    told = [event.what for event in past if event.what in {Happening.STARTED, Happening.ENDED}]
    assert told == [Happening.STARTED, Happening.ENDED]
    (end,) = (event for event in past if event.what is Happening.ENDED)
    assert (end.name, end.exit_code) == (f"{bench.instance}-valkey", 7)


def test_a_command_inside_gives_its_code_and_output(bench: Bench) -> None:
    container = bench.start()
    assert bench.engine.execute(container, ECHO) == (0, b"yes\n")
    assert bench.engine.execute(container, REFUSAL)[0] == 1
    assert bench.engine.execute(container, UNHEARD_OF)[0] in {126, 127}


def test_the_output_of_a_command_is_passed_on_as_it_comes(bench: Bench) -> None:
    container = bench.start()
    heard: list[bytes] = []
    talk: list[bytes] = []
    assert bench.engine.converse(container, ECHO, Streams(heard.append, talk.append)) == 0
    assert (b"".join(heard), talk) == (b"yes\n", [])


def test_an_error_of_the_reader_of_logs_is_not_an_engine_error(bench: Bench) -> None:
    def closed(_: bytes) -> None:
        raise BrokenPipeError

    container = bench.start()
    with pytest.raises(BrokenPipeError):
        bench.engine.converse(container, ECHO, Streams(closed, closed))


def test_lines_have_moments_in_their_order(bench: Bench) -> None:
    container = bench.start_and_wait_for(OBEDIENT, "two")
    lines = list(bench.engine.read_lines(container, LogWanted()))
    assert [(line.stream, line.text) for line in lines] == [
        (LogStream.STDOUT, b"one\n"),
        (LogStream.STDOUT, b"two\n"),
    ]
    moments = [line.moment for line in lines]
    assert moments == sorted(moments)
    assert len({len(moment) for moment in moments}) == 1


def test_lines_can_be_the_last_ones_or_none(bench: Bench) -> None:
    container = bench.start_and_wait_for(OBEDIENT, "two")

    def read(tail: int) -> bytes:
        return b"".join(
            line.text for line in bench.engine.read_lines(container, LogWanted(tail=tail))
        )

    assert (read(5), read(1), read(0)) == (b"one\ntwo\n", b"two\n", b"")


def test_lines_since_the_moment_of_a_line_are_that_line_and_later_ones(bench: Bench) -> None:
    container = bench.start_and_wait_for(OBEDIENT, "two")
    *_, last = bench.engine.read_lines(container, LogWanted())
    moment = count_nanoseconds(last.moment)
    assert list(bench.engine.read_lines(container, LogWanted(since=moment))) == [last]
    assert list(bench.engine.read_lines(container, LogWanted(since=moment + 1))) == []


def test_lines_until_a_moment_are_the_earlier_ones(bench: Bench) -> None:
    container = bench.start_and_wait_for(OBEDIENT, "two")
    lines = list(bench.engine.read_lines(container, LogWanted()))
    before = count_nanoseconds(lines[-1].moment) - 1
    assert list(bench.engine.read_lines(container, LogWanted(until=before))) == lines[:-1]


def test_lines_are_followed_until_the_container_ends(bench: Bench) -> None:
    container = bench.start(FAILING)
    lines = bench.engine.read_lines(container, LogWanted(follow=True))
    assert [line.text for line in lines] == [b"no config\n"]


def test_no_command_runs_in_a_container_that_is_down(bench: Bench) -> None:
    container = bench.create()
    with pytest.raises(EngineError):
        bench.engine.execute(container, ECHO)


@dataclass
class Followed:
    """The events of one instance, read until it was stopped."""

    bench: Bench
    stopped: threading.Event = field(default_factory=threading.Event)
    seen: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.events = self.bench.engine.follow_events(self.stopped)

    def until(self, what: Happening) -> list[tuple[Happening, int | None]]:
        """Read on until something happens. Signals are left out: their number may differ."""
        for event in self.events:
            if event.instance == self.bench.instance:
                self.seen.append(event)
                if event.what is what:
                    break
        told = [event for event in self.seen if event.what is not Happening.SIGNALLED]
        return [(event.what, event.exit_code) for event in told]


def test_events_tell_the_life_of_a_container_from_the_moment_of_the_call(bench: Bench) -> None:
    bench.network()
    followed = Followed(bench)
    container = bench.create(SULKING)
    bench.engine.start(container)
    wait_until(lambda: bench.container(container).is_running, "running")
    bench.engine.rename(container, f"{bench.instance}-valkey-previous")
    code = bench.engine.stop(container, STOP_S)
    bench.engine.remove_container(container)
    assert followed.until(Happening.REMOVED) == [
        (Happening.CREATED, None),
        (Happening.STARTED, None),
        (Happening.RENAMED, None),
        (Happening.ENDED, code),
        (Happening.REMOVED, None),
    ]
    assert Happening.SIGNALLED in {event.what for event in followed.seen}
    first, last = followed.seen[0], followed.seen[-1]
    assert (first.container, first.part) == (container, Part.VALKEY)
    names = (first.name, last.name)
    assert names == (f"{bench.instance}-valkey", f"{bench.instance}-valkey-previous")
    started, ended = (datetime.fromisoformat(event.when) for event in (first, last))
    assert timedelta() <= ended - started < timedelta(minutes=1)
    followed.stopped.set()


def test_the_reading_of_events_ends_when_the_caller_is_done(bench: Bench) -> None:
    stopped = threading.Event()
    events = bench.engine.follow_events(stopped)
    threading.Timer(0.05, stopped.set).start()
    others = [event for event in events if event.instance == bench.instance]
    assert others == []


def test_two_readers_of_events_hear_the_same(bench: Bench) -> None:
    both = [Followed(bench), Followed(bench)]
    bench.start(FAILING)
    heard = [followed.until(Happening.ENDED) for followed in both]
    assert (
        heard == [[(Happening.CREATED, None), (Happening.STARTED, None), (Happening.ENDED, 7)]] * 2
    )
    for followed in both:
        followed.stopped.set()


def test_a_running_container_uses_memory_and_more_and_more_processor_time(bench: Bench) -> None:
    container = bench.start(SULKING)
    first = bench.engine.read_usage(container)
    assert first
    assert first.memory > 0
    wait_until(lambda: bench.engine.read_usage(container).cpu_s > first.cpu_s, "processor time")
    assert bench.engine.read_usage(container).at > first.at


def test_a_container_that_does_not_run_uses_nothing(bench: Bench) -> None:
    assert bench.engine.read_usage(bench.create()) is None


def test_a_container_has_the_time_of_its_creation(bench: Bench) -> None:
    container = bench.create()
    assert abs(bench.container(container).created - time.time()) < 60


ON_UNKNOWN: dict[str, Callable[[Engine], Any]] = {
    "inspect": lambda engine: engine.inspect(UNKNOWN),
    "usage": lambda engine: engine.read_usage(UNKNOWN),
    "start": lambda engine: engine.start(UNKNOWN),
    "rename": lambda engine: engine.rename(UNKNOWN, "another-name"),
    "set_restart_policy": lambda engine: engine.set_restart_policy(UNKNOWN, "always"),
    "read_remains": lambda engine: engine.read_remains(UNKNOWN, 5, 100),
    "logs": lambda engine: engine.read_logs(UNKNOWN, 5),
    "read_lines": lambda engine: list(engine.read_lines(UNKNOWN, LogWanted())),
    "execute": lambda engine: engine.execute(UNKNOWN, ECHO),
}


@pytest.mark.parametrize("call", ON_UNKNOWN.values(), ids=ON_UNKNOWN)
def test_an_unknown_container_is_not_found(bench: Bench, call: Callable[[Engine], Any]) -> None:
    with pytest.raises(NotFoundError):
        call(bench.engine)


def test_what_a_container_was_made_with_is_read_without_what_its_image_says(bench: Bench) -> None:
    spec_of_it = {
        "environment": {"A": "b", "KEY": Secret("word")},
        "ports": (Port(6379, free_port()),),
        "memory": 64 * 1024**2,
        "cpus": 0.5,
    }
    container = bench.create(ECHO, **spec_of_it)
    read = bench.engine.read_configuration(container)
    assert read.image == VALKEY_IMAGE
    assert read.environment == {"A": Secret("b"), "KEY": Secret("word")}
    assert read.command == ECHO
    assert read.ports == spec_of_it["ports"]
    assert (read.memory, read.cpus) == (64 * 1024**2, 0.5)


def test_what_an_unknown_container_was_made_with_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        bench.engine.read_configuration(UNKNOWN)


def test_what_is_kept_of_a_container_makes_it_again_also_after_it_was_written_down(
    bench: Bench,
) -> None:
    container = bench.start()
    written = bench.engine.keep(container).dump()
    bench.engine.stop(container, STOP_S)
    bench.engine.remove_container(container)
    again = bench.engine.make_again(Kept.load(written), bench.networks[0])
    bench.engine.start(again)
    assert bench.container(again).is_running
    assert bench.container(again).name == f"{bench.instance}-valkey"


def read_line(channel: Channel) -> bytes:
    said = b""
    while not said.endswith(b"\n"):
        said += channel.receive(WAIT_S)
    return said


def test_an_outpost_runs_a_command_of_the_machine_that_answers_its_input(bench: Bench) -> None:
    """It sees what this test sees, as the engine runs on this machine."""
    here = Path(__file__).resolve()
    script = f"while read -r word; do [ -e {here} ] && echo here $word; done"
    channel = bench.engine.open_outpost(VALKEY_IMAGE, shell(script), bench.labels)
    try:
        for word in (b"one", b"two"):
            channel.send(word + b"\n")
            assert read_line(channel) == b"here " + word + b"\n"
    finally:
        channel.close()


def test_an_outpost_that_has_ended_says_so(bench: Bench) -> None:
    channel = bench.engine.open_outpost(VALKEY_IMAGE, shell("exit 1"), bench.labels)
    with pytest.raises(EngineUnreachableError):
        channel.receive(WAIT_S)
    channel.close()


def test_an_outpost_needs_its_image(bench: Bench) -> None:
    with pytest.raises(ImageMissingError):
        bench.engine.open_outpost("no-such-image:1", shell("true"), bench.labels)


# What tail keeps of a file without a line break is all of it.
TAKES_MEMORY = "head -c 200000000 /dev/zero | tail >/dev/null"


def describe_task(bench: Bench, script: str, **more: Any) -> TaskSpec:
    return TaskSpec("test", VALKEY_IMAGE, shell(script), labels=bench.labels, **more)


def test_a_task_gives_its_lines_its_complaints_and_its_exit_code(bench: Bench) -> None:
    lines: list[str] = []
    task = describe_task(bench, "echo one; echo two; echo bad >&2; exit 3")
    end = bench.engine.run_task(task, lines.append, threading.Event())
    assert (lines, end) == (["one", "two"], TaskEnd(3, ("bad",)))


def test_a_task_gets_its_secrets_as_they_are(bench: Bench) -> None:
    lines: list[str] = []
    value = """a b "c" 'd' $HOME \\n"""
    task = describe_task(bench, 'printf "%s\\n" "$WORD"', secrets={"WORD": Secret(value)})
    bench.engine.run_task(task, lines.append, threading.Event())
    assert lines == [value]


@pytest.mark.parametrize(
    ("priority", "above"), [(Priority.NORMAL, 0), (Priority.LOW, 10), (Priority.IDLE, 19)]
)
def test_a_task_stands_behind_others_by_its_priority(
    bench: Bench, priority: Priority, above: int
) -> None:
    lines: list[str] = []
    task = describe_task(bench, "nice", priority=priority)
    bench.engine.run_task(task, lines.append, threading.Event())
    (niceness,) = lines
    assert int(niceness) == min(os.nice(0) * isinstance(bench.engine, FakeEngine) + above, 19)


def test_a_task_that_takes_more_memory_than_it_may_fails(bench: Bench) -> None:
    end = bench.engine.run_task(
        describe_task(bench, TAKES_MEMORY, memory=32 * 1024**2), lambda _: None, threading.Event()
    )
    assert end.code


def test_a_task_that_is_cancelled_is_told_to_end(bench: Bench) -> None:
    cancelled = threading.Event()
    task = describe_task(bench, "trap 'exit 0' TERM; echo on; while :; do sleep 0.05; done")
    threading.Timer(1, cancelled.set).start()
    with pytest.raises(InterruptedError):
        bench.engine.run_task(task, lambda _: None, cancelled)


def test_a_task_needs_its_image(bench: Bench) -> None:
    task = TaskSpec("test", "no-such-image:1", shell("true"))
    with pytest.raises(ImageMissingError):
        bench.engine.run_task(task, lambda _: None, threading.Event())
