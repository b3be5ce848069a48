"""When a container counts as ready, and how long wb waits for it."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from lifecycle.examples import spec_of, wanted
from msgspec.structs import replace

from wb_cli.contract import HEALTH_PATH, Part
from wb_cli.engine.types import ContainerDetail, ContainerSpec, Health, Port, State
from wb_cli.errors import EngineError, NotFoundError, StartFailedError, StillStartingError
from wb_cli.lifecycle.readiness import health, probes
from wb_cli.lifecycle.readiness.health import Watch, probe, reachable_address
from wb_cli.lifecycle.readiness.probes import Answer, Verdict

UP = ContainerDetail("c1", "demo", State.RUNNING, 0, "", "no")


@dataclass
class Engine:
    """Gives details one after another and then repeats the last; gives one answer to commands."""

    details: list[ContainerDetail | Exception]
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_local: bool = True

    def inspect(self, _: str) -> ContainerDetail:
        detail = self.details.pop(0) if len(self.details) > 1 else self.details[0]
        if isinstance(detail, Exception):
            raise detail
        return detail

    def execute(self, _: str, command: Sequence[str]) -> tuple[int, bytes]:
        self.asked.append(command[0])
        return self.answers.get(command[0], (127, b"not found"))

    def read_logs(self, _: str, __: int) -> str:
        return "first\nlast\n"


def spec(part: Part, *, published: bool = False) -> ContainerSpec:
    made = spec_of(wanted(admin_version="1", point_in_time=True), part.container_name("demo"))
    return made if published else replace(made, ports=())


def watch(engine: Any, part: Part = Part.VALKEY, seconds: float = 10) -> Watch:
    """A watch whose clock moves one second each time it is read."""
    ticks = iter(range(1000))
    clock = lambda: float(next(ticks))  # noqa: E731
    return Watch(engine, "c1", spec(part), seconds, threading.Event(), clock=clock)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "EXEC_INTERVAL_S", 0.0)


PONG = {"valkey-cli": (0, b"PONG\n")}
LOADING = {"valkey-cli": (0, b"LOADING Valkey is loading the dataset in memory")}


def test_it_returns_once_the_container_is_ready() -> None:
    engine = Engine([replace(UP, state=State.CREATED), UP], PONG)
    watch(engine).wait_until_ready()
    assert engine.asked == ["valkey-cli"]


def test_loading_is_not_ready_although_the_command_succeeds() -> None:
    with pytest.raises(StillStartingError, match="it last said: LOADING Valkey is loading"):
        watch(Engine([UP], LOADING)).wait_until_ready()


def test_a_container_that_is_late_is_still_starting_and_the_hint_says_where_to_look() -> None:
    with pytest.raises(StillStartingError) as caught:
        watch(Engine([replace(UP, state=State.CREATED)])).wait_until_ready()
    assert "`wb status demo`" in caught.value.hint


FAILURES: dict[str, tuple[ContainerDetail, str]] = {
    "exited": (replace(UP, state=State.EXITED, exit_code=7), "exited with code 7"),
    "dead": (replace(UP, state=State.DEAD, exit_code=1), "exited with code 1"),
    "out of memory": (
        replace(UP, state=State.EXITED, exit_code=137, oom_killed=True),
        "exited with code 137 (out of memory)",
    ),
    "a crash loop": (
        replace(UP, state=State.RESTARTING, restart_count=4),
        "exits again and again, 4 times so far,",
    ),
    "unhealthy by its image's own check": (replace(UP, health=Health.UNHEALTHY), "is unhealthy"),
}


@pytest.mark.parametrize(("detail", "how"), FAILURES.values(), ids=FAILURES)
def test_the_wait_ends_at_once_when_a_container_fails(detail: ContainerDetail, how: str) -> None:
    with pytest.raises(StartFailedError) as caught:
        watch(Engine([detail])).wait_until_ready()
    assert caught.value.message == (
        f"demo-valkey {how} while starting; its last lines:\n    first\n    last"
    )


def test_a_container_that_answers_is_ready_even_if_its_image_s_check_calls_it_unhealthy() -> None:
    watch(Engine([replace(UP, health=Health.UNHEALTHY)], PONG)).wait_until_ready()


def platform_report(reason: str) -> str:
    warm_up = dict.fromkeys(("objects", "entries", "fromL2", "held", "fromDatabase"), 0)
    rest = {"phase": "waiting", "readySeconds": None, "remainingSeconds": None}
    database = {"connected": False, "reason": reason}
    return json.dumps({"status": "waiting", "database": database, "warmUp": warm_up | rest})


def watch_platform(monkeypatch: pytest.MonkeyPatch, text: str) -> Watch:
    monkeypatch.setattr(probes, "ask_http", lambda *_: Answer(Verdict.NOT_YET, text))
    return replace(watch(Engine([UP]), Part.PLATFORM), spec=spec(Part.PLATFORM, published=True))


def test_the_wait_ends_at_once_when_the_database_refuses_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = 'PostgreSQL cannot be used: password authentication failed for user "postgres"'
    with pytest.raises(StartFailedError) as caught:
        watch_platform(monkeypatch, platform_report(refusal)).wait_until_ready()
    assert caught.value.message == f"demo is not let in by its database: {refusal}"
    assert "`postgresPassword` into demo.json" in caught.value.hint


LAST_TEXTS = {
    "its report": (platform_report("gone"), "no database: gone"),
    "what it answered": ("migrating", "migrating"),
    "its log, where it did not answer": ("", "last"),
}


@pytest.mark.parametrize(("text", "said"), LAST_TEXTS.values(), ids=LAST_TEXTS)
def test_the_error_tells_what_a_slow_platform_last_said(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    with pytest.raises(StillStartingError, match=f"demo is still starting; it last said: {said}$"):
        watch_platform(monkeypatch, text).wait_until_ready()


def test_a_container_that_is_gone_counts_as_exited() -> None:
    with pytest.raises(StartFailedError, match="demo-valkey is gone"):
        watch(Engine([NotFoundError("No such container")])).wait_until_ready()


def test_a_wait_can_be_cancelled() -> None:
    waiting = watch(Engine([UP], LOADING), seconds=500)
    waiting.cancelled.set()
    with pytest.raises(InterruptedError):
        waiting.wait_until_ready()


def test_the_admin_server_is_ready_when_it_runs() -> None:
    engine: Any = Engine([UP])
    verdicts = [
        probe(engine, spec(Part.ADMIN), replace(UP, state=state)).verdict
        for state in (State.CREATED, State.RUNNING)
    ]
    assert verdicts == [Verdict.NOT_YET, Verdict.READY]
    assert engine.asked == []


def test_a_receiver_of_wal_is_ready_once_it_says_what_has_come() -> None:
    silent: Any = Engine([UP], {"cat": (1, b"cat: can't open '/tmp/wal/receiving'")})
    assert probe(silent, spec(Part.WAL), UP).verdict is Verdict.UNREACHABLE
    telling: Any = Engine([UP], {"cat": (0, b"20260101T000000Z.ab 5 0\n")})
    answer = probe(telling, spec(Part.WAL), UP)
    assert (answer.verdict, answer.text) == (Verdict.READY, "20260101T000000Z.ab 5 0")


def test_a_container_in_an_unknown_state_is_asked_because_it_may_run() -> None:
    unknown = replace(UP, state=State.UNKNOWN)
    watch(Engine([unknown], PONG)).wait_until_ready()
    engine: Any = Engine([unknown])
    assert probe(engine, spec(Part.ADMIN), unknown).verdict is Verdict.NOT_YET


def test_a_platform_is_asked_with_python_or_curl_or_wget_whichever_it_has() -> None:
    engine: Any = Engine([UP], {"curl": (0, b"")})
    assert probe(engine, spec(Part.PLATFORM), UP).verdict is Verdict.READY
    assert engine.asked == ["python3", "curl"]


def test_a_platform_without_python_and_curl_and_wget_is_not_ready() -> None:
    engine: Any = Engine([UP])
    answer = probe(engine, spec(Part.PLATFORM), UP)
    assert (answer.verdict, answer.text) == (Verdict.UNREACHABLE, "no way to ask it")
    assert engine.asked == ["python3", "curl", "wget"]


def test_a_platform_elsewhere_is_asked_by_its_machine_and_not_at_an_address_of_this_one() -> None:
    """What listens on that port of this machine is another instance."""

    class Machine:
        def ask_http(self, *where: Any) -> Answer:
            return Answer(Verdict.READY, f"{where}")

    engine: Any = Engine([UP], is_local=False)
    machine: Any = Machine()
    published = spec(Part.PLATFORM, published=True)
    answer = probe(engine, published, UP, machine)
    assert answer.text == f"{('127.0.0.1', published.ports[0].host, HEALTH_PATH)}"
    assert engine.asked == ["python3", "curl", "wget"]
    assert probe(engine, published, UP).verdict is Verdict.UNREACHABLE


def test_a_container_that_exits_before_it_is_asked_fails_at_the_next_inspection() -> None:
    class Exiting(Engine):
        def execute(self, _: str, command: Sequence[str]) -> tuple[int, bytes]:
            self.asked.append(command[0])
            raise EngineError("Container c1 is not running")

    engine = Exiting([UP, replace(UP, state=State.EXITED, exit_code=7)])
    with pytest.raises(StartFailedError, match="exited with code 7"):
        watch(engine).wait_until_ready()
    assert engine.asked == ["valkey-cli"]


def test_a_container_that_answers_over_the_network_is_not_asked_from_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, int]] = []

    def ready(host: str, port: int, *_: str) -> Answer:
        asked.append((host, port))
        return Answer(Verdict.READY)

    for name in ("ask_postgres", "ask_valkey", "ask_http"):
        monkeypatch.setattr(probes, name, ready)
    engine: Any = Engine([UP])
    detail = replace(UP, addresses={"demo": "10.213.0.2"})
    for part in (Part.POSTGRES, Part.VALKEY, Part.PLATFORM):
        assert probe(engine, spec(part), detail).verdict is Verdict.READY
    assert probe(engine, spec(Part.PLATFORM, published=True), detail).verdict is Verdict.READY
    assert asked == [
        ("10.213.0.2", 5432),
        ("10.213.0.2", 6379),
        ("10.213.0.2", 8000),  # the engine lists no ports of a container between two starts
        ("127.0.0.1", 9001),
    ]
    assert engine.asked == []


@pytest.mark.parametrize(
    ("published", "reached"),
    [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("10.0.0.1", "10.0.0.1")],
)
def test_the_address_at_which_a_published_port_is_reached(published: str, reached: str) -> None:
    assert reachable_address(Port(8000, 9001, published)) == (reached, 9001)
