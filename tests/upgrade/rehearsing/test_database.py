"""A throw-away PostgreSQL that runs, does not start, or ends while a version is asked."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wb_cli.backup.trial import Trial
from wb_cli.contract import Env
from wb_cli.engine.task import NO_NETWORK, TaskEnd, TaskSpec
from wb_cli.errors import EngineError, WbError
from wb_cli.secret import Secret
from wb_cli.upgrade.rehearsing import asking
from wb_cli.upgrade.rehearsing.asking import Asker, Progress, Questions
from wb_cli.upgrade.rehearsing.database import STARTED, Database, running_database

DIED = TaskEnd(1, ("PANIC: no room",))
NOTHING: Any = None
TRIAL = Trial(NOTHING, "postgres:17", NOTHING, Path("/data/.proof"))
DESCRIBED: Any = SimpleNamespace(
    container=lambda _: SimpleNamespace(
        environment={Env.PG_HOST: "demo-postgres", Env.PG_PASSWORD: Secret("real"), "A": "b"}
    )
)


class Engine:
    """Runs a function in the place of each image. PostgreSQL starts, and runs until it is ended."""

    def __init__(self, **programs: Callable[..., TaskEnd]) -> None:
        self._programs = {"postgres:17": run_until_ended} | programs
        self.specs: list[TaskSpec] = []

    def find_image(self, reference: str) -> Any:
        return SimpleNamespace(command=("serve",)) if reference in self._programs else None

    def run_task(self, spec: TaskSpec, on_line: Any, cancelled: threading.Event) -> TaskEnd:
        self.specs.append(spec)
        return self._programs[spec.image](on_line, cancelled)


def run_until_ended(on_line: Any, cancelled: threading.Event) -> TaskEnd:
    on_line(STARTED)
    while not cancelled.wait(0.01):
        pass
    raise InterruptedError


def running(engine: Any, cancelled: threading.Event | None = None) -> Any:
    return running_database(engine, TRIAL, 1000, {}, cancelled or threading.Event())


def ask(engine: Any, database: Database, image: str = "platform") -> None:
    asker = Asker(engine, TRIAL, database, 60, 1000, {})
    questions = Questions(Progress("1.7.0", lambda _: None), lambda _: None)
    asker.ask(image, DESCRIBED, questions)


def test_it_runs_as_long_as_the_block_and_a_version_sees_nothing_but_its_socket() -> None:
    engine = Engine(platform=lambda *_: TaskEnd(0))
    with running(engine) as database:
        ask(engine, database)
        database.require()
    server, platform = engine.specs
    assert [mount.source for mount in server.mounts] == ["/data/.proof"]
    assert [mount.source for mount in platform.mounts] == ["/data/.proof/data.sockets"]
    assert {server.network, platform.network} == {NO_NETWORK}
    assert {server.memory, platform.memory} == {1000}
    assert platform.command[-2:] == ("60", "serve")
    assert platform.environment == {
        Env.PG_HOST: asking.SOCKET_PATH,
        Env.VALKEY_URL: asking.NO_VALKEY,
        "A": "b",
    }
    assert platform.secrets[Env.PG_PASSWORD].reveal() != "real"


@pytest.mark.parametrize(
    ("end", "why"),
    [(DIED, "PANIC: no room"), (TaskEnd(137), "there was too little memory, or it was ended")],
)
def test_one_that_does_not_start_says_why(end: TaskEnd, why: str) -> None:
    engine = Engine(**{"postgres:17": lambda *_: end})
    with pytest.raises(WbError, match=f"the throw-away PostgreSQL ended: {why}"), running(engine):
        pass


def test_the_engine_s_own_error_is_raised_where_it_is_waited_for() -> None:
    def refuse(*_: Any) -> TaskEnd:
        raise EngineError("the engine is gone")

    engine = Engine(**{"postgres:17": refuse})
    with pytest.raises(EngineError, match="the engine is gone"), running(engine):
        pass


def test_one_that_ends_meanwhile_ends_the_asking_and_no_version_is_blamed() -> None:
    asked = threading.Event()

    def end_when_asked(on_line: Any, _: threading.Event) -> TaskEnd:
        on_line(STARTED)
        assert asked.wait(5)
        return DIED

    def platform(_: Any, cancelled: threading.Event) -> TaskEnd:
        asked.set()
        return run_until_ended(lambda _: None, cancelled)

    engine = Engine(**{"postgres:17": end_when_asked, "platform": platform})
    with running(engine) as database, pytest.raises(WbError, match="PostgreSQL ended: PANIC"):
        ask(engine, database)


def test_a_signal_is_passed_on() -> None:
    cancelled = threading.Event()

    def platform(_: Any, ended: threading.Event) -> TaskEnd:
        cancelled.set()
        return run_until_ended(lambda _: None, ended)

    engine = Engine(platform=platform)
    with running(engine, cancelled) as database, pytest.raises(InterruptedError):
        ask(engine, database)


@pytest.mark.parametrize(("code", "hint"), [(1, asking.REMEDY), (asking.UNFIT, asking.NOT_ASKED)])
def test_a_version_that_could_not_be_asked_says_why_and_what_helps(code: int, hint: str) -> None:
    engine = Engine(platform=lambda *_: TaskEnd(code, ("it ended",)))
    with running(engine) as database:
        with pytest.raises(WbError, match="it could not be asked: it ended") as failed:
            ask(engine, database)
        assert failed.value.hint == hint
        with pytest.raises(WbError, match="the image gone is not on this engine"):
            ask(engine, database, "gone")


def test_an_answer_that_cannot_be_read_is_no_answer() -> None:
    def platform(on_line: Any, _: threading.Event) -> TaskEnd:
        on_line("nonsense")
        return TaskEnd(0)

    engine = Engine(platform=platform)
    with running(engine) as database, pytest.raises(WbError, match="cannot be read"):
        ask(engine, database)
