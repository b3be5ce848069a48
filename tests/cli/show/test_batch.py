"""An action on several instances: progress, locks, results, interruption."""

import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from wb_cli.cli.console import Console, make_error_document
from wb_cli.cli.show.batch import act_on_each
from wb_cli.cli.show.results import describe_failure, describe_result
from wb_cli.engine.types import LABEL_INSTANCE, LABEL_ROLE, Observed, ObservedContainer, State
from wb_cli.errors import (
    EngineUnreachableError,
    ExitCode,
    StartFailedError,
    StillStartingError,
    WbError,
)
from wb_cli.lifecycle.actions import Ending, Result
from wb_cli.lifecycle.execute import Outcome
from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError
from wb_cli.lifecycle.guard.lock import locked
from wb_cli.lifecycle.options import RunOptions, Verb
from wb_cli.lifecycle.planning.plan import Lane, Plan, Remove

URL = "http://127.0.0.1:9001"
DOING = Plan("demo", ((Lane("demo", "stop", (Remove("demo"),)),),))
NOTHING = Plan("demo")
Work = Callable[[str, RunOptions], Result]
OPTIONS = RunOptions(Verb.RUN, timeout_s=1, wait_s=0, parallel=1)


def result(plan: Plan = DOING, **changes: Any) -> Result:
    return replace(Result(Ending.READY, plan, Outcome(), 1.234, URL), **changes)


@dataclass
class Shown:
    """Three instances, and the console that shows their results."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    observed: Observed | None = None
    console: Console = field(default_factory=Console)

    def observe(self) -> Observed:
        """List what the engine has, if the engine answers."""
        if self.observed is None:
            raise EngineUnreachableError("no engine")
        return self.observed

    def act_on_each(self, work: Work, *ids: str, as_json: bool = False,
                    check: Callable[[str], None] | None = None, **options: Any) -> int:  # fmt: skip
        self.console.as_json = as_json
        wb: Any = SimpleNamespace(
            console=self.console,
            fleet=SimpleNamespace(
                locks=self.folder,
                history=self.folder,
                engine=SimpleNamespace(observe=self.observe),
                elsewhere=None,
            ),
        )
        code = act_on_each(wb, ids or ("a", "b", "c"), work, replace(OPTIONS, **options), check)
        self.answer, self.talk = self.capsys.readouterr()
        return code


@pytest.fixture
def shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shown:
    return Shown(tmp_path, capsys)


def failing_at(bad: str, message: str = "it exited\nits log") -> Work:
    def work(instance: str, _: RunOptions) -> Result:
        if instance == bad:
            raise StartFailedError(f"{bad}: {message}", "mend it")
        return result()

    return work


WORDS = {
    Ending.READY: f"ready: {URL} (1.2 s)",
    Ending.UNCHANGED: f"unchanged: {URL}",
    Ending.DEGRADED: f"degraded: {URL} (1.2 s)",
    Ending.PLANNED: "planned",
    Ending.STOPPED: "stopped (1.2 s)",
    Ending.ADOPTED: f"adopted: {URL} (1.2 s)",
    Ending.NOT_RUNNING: "was not running",
}
WITHOUT_URL = {Ending.PLANNED, Ending.STOPPED, Ending.NOT_RUNNING}


@pytest.mark.parametrize("ending", Ending)
def test_each_ending_has_its_text(ending: Ending) -> None:
    url = "" if ending in WITHOUT_URL else URL
    assert describe_result(result(ending=ending, url=url)) == WORDS[ending]


def test_the_result_for_one_instance_is_one_line(shown: Shown) -> None:
    assert shown.act_on_each(lambda *_: result(), "demo") == 0
    assert shown.answer == f"demo: ready: {URL} (1.2 s)\n"


def test_each_of_several_instances_that_changed_has_a_line_and_the_last_line_is_the_sum(
    shown: Shown,
) -> None:
    assert shown.act_on_each(failing_at("b")) == ExitCode.PARTIAL
    assert shown.answer.splitlines() == [
        f"a: ready: {URL} (1.2 s)",
        "b: failed",
        f"c: ready: {URL} (1.2 s)",
        "2 ready, 1 failed: b",
    ]
    assert shown.talk == "error: b: it exited\nits log\nhint: mend it\n"


def test_an_instance_that_was_left_running_has_not_failed(shown: Shown) -> None:
    def work(instance: str, _: RunOptions) -> Result:
        if instance == "c":
            return result()
        if instance == "a":
            raise StillStartingError("a is still starting", "wait")
        raise WbError(f"{instance} exited")

    assert shown.act_on_each(work, "a", "b", "c", "d") == ExitCode.PARTIAL
    assert shown.answer.splitlines() == [
        "a: still starting",
        "b: failed",
        f"c: ready: {URL} (1.2 s)",
        "d: failed",
        "1 ready, 1 still starting: a; 2 failed: b, d",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "failed"), (1.0, "failed (1.0 s)"), (31.26, "failed (31.3 s)")]
)
def test_a_failure_says_how_long_it_took_unless_it_was_found_by_looking(
    seconds: float, text: str
) -> None:
    assert describe_failure(WbError("it exited"), seconds) == text


def test_an_error_that_begins_with_the_id_speaks_of_each(shown: Shown) -> None:
    def work(instance: str, _: RunOptions) -> Result:
        raise WbError(f"{instance} has no {instance}-valkey")

    shown.act_on_each(work)
    assert shown.talk == "error: a, b, c: each has no <id>-valkey\n"


def test_unchanged_instances_are_in_the_sum_alone(shown: Shown) -> None:
    endings = {"a": Ending.UNCHANGED, "b": Ending.DEGRADED, "c": Ending.NOT_RUNNING}
    shown.act_on_each(lambda id_, _: result(NOTHING, ending=endings[id_]))
    assert shown.answer.splitlines() == [
        f"b: degraded: {URL} (1.2 s)",
        "1 unchanged, 1 degraded, 1 not running",
    ]
    assert shown.talk == ""


def changing(_: str, options: RunOptions) -> Result:
    options.begin(("platform: image 1 -> 2",))
    options.report("stop demo")
    options.tell("waiting for a helper")
    return result()


@pytest.mark.parametrize(
    ("verbosity", "talk"),
    [
        (0, ["starting (platform: image 1 -> 2)", "waiting for a helper"]),
        (1, ["starting (platform: image 1 -> 2)", "stop demo", "waiting for a helper"]),
    ],
)
def test_in_a_pipe_a_line_says_that_a_change_begins_and_verbose_adds_the_steps(
    shown: Shown, verbosity: int, talk: list[str]
) -> None:
    shown.console.verbosity = verbosity
    shown.act_on_each(changing, "demo")
    assert shown.talk.splitlines() == [f"demo: {line}" for line in talk]


def test_quiet_shows_the_sum_and_the_errors_alone(shown: Shown) -> None:
    shown.console.is_quiet = True
    assert shown.act_on_each(changing) == ExitCode.OK
    assert (shown.answer, shown.talk) == ("3 ready\n", "")
    shown.act_on_each(failing_at("b"))
    assert shown.answer == "2 ready, 1 failed: b\n"
    assert shown.talk.startswith("error: b: it exited")


def test_an_error_that_instances_share_is_shown_once_with_their_ids(shown: Shown) -> None:
    def work(_: str, __: RunOptions) -> Result:
        raise EngineUnreachableError("the Docker Engine does not answer", "start it")

    ids = [f"c{number}" for number in range(8)]
    assert shown.act_on_each(work, *ids) == ExitCode.ENGINE_UNREACHABLE
    assert shown.talk == (
        "error: c0, c1, c2, c3, c4 and 3 more: the Docker Engine does not answer\nhint: start it\n"
    )


def test_errors_that_differ_in_the_id_alone_are_told_once_and_the_hint_is_for_all(
    shown: Shown,
) -> None:
    def work(instance: str, _: RunOptions) -> Result:
        raise WbError(f"{instance}: no folder /mnt/{instance}/a.b", f"`wb init-dirs {instance}`")

    shown.act_on_each(work)
    assert shown.talk == (
        "error: a, b, c: <id>: no folder /mnt/<id>/a.b\nhint: `wb init-dirs a b c`\n"
    )


def test_the_results_as_json(shown: Shown) -> None:
    assert shown.act_on_each(failing_at("b"), as_json=True) == ExitCode.PARTIAL
    a, b, _ = json.loads(shown.answer)["instances"]
    assert (a["id"], a["result"], a["url"], a["seconds"], a["exitCode"]) == (
        "a",
        "ready",
        URL,
        1.234,
        0,
    )
    assert a["plan"]["steps"][0]["operation"] == "remove demo"
    assert (b["result"], b["exitCode"], b["error"]["hint"]) == ("failed", 1, "mend it")


def test_a_dry_run_shows_the_plan_and_takes_no_lock(shown: Shown) -> None:
    never = threading.Event()
    with locked(shown.folder, "demo", "wb stop demo", 0, never):
        assert (
            shown.act_on_each(lambda *_: result(ending=Ending.PLANNED), "demo", dry_run=True) == 0
        )
    assert shown.answer == "demo  - platform  remove\n1 to remove; nothing was changed\n"


def test_a_dry_run_of_several_instances_reads_like_a_diff_with_a_total(shown: Shown) -> None:
    def work(instance: str, _: RunOptions) -> Result:
        if instance == "c":
            raise WbError("c was left as it is")
        drifting = replace(DOING, drift=("valkey: another image",))
        return result({"a": drifting, "bee": NOTHING}[instance], ending=Ending.PLANNED)

    assert shown.act_on_each(work, "a", "bee", "c", dry_run=True) == ExitCode.PARTIAL
    assert shown.answer.splitlines() == [
        "a    - platform  remove",
        "     ! valkey: another image; `wb restart a` applies it",
        "1 to remove, 1 of 2 instances unchanged, 1 cannot be planned: c; nothing was changed",
    ]
    assert shown.talk == "error: c was left as it is\n"


def test_an_instance_that_another_process_changes_is_left_alone(shown: Shown) -> None:
    done: list[str] = []

    def work(instance: str, _: RunOptions) -> Result:
        done.append(instance)
        return result()

    with locked(shown.folder, "b", "wb stop b", 0, threading.Event()):
        assert shown.act_on_each(work) == ExitCode.PARTIAL
    assert done == ["a", "c"]
    assert "b is being changed by `wb stop b`" in shown.talk


def test_all_instances_are_checked_first_and_those_that_fail_are_left_alone(shown: Shown) -> None:
    order: list[str] = []

    def check(instance: str) -> None:
        order.append(f"check {instance}")
        if instance == "b":
            raise WbError("b was left as it is")

    def work(instance: str, _: RunOptions) -> Result:
        order.append(f"do {instance}")
        return result()

    assert shown.act_on_each(work, check=check) == ExitCode.PARTIAL
    assert order == ["check a", "check b", "check c", "do a", "do c"]


def test_degraded_killed_and_drifting_containers_are_warnings(shown: Shown) -> None:
    plan = replace(DOING, drift=("postgres: another default",))
    outcome = Outcome(degraded=["no valkey"], killed=["demo was killed."])
    shown.act_on_each(lambda *_: result(plan, outcome=outcome), "demo")
    for warning in (
        "no valkey",
        "demo was killed.",
        "postgres: another default; `wb restart demo` applies it",
    ):
        assert f"demo: warning: {warning}\n" in shown.talk


def interrupt(options: RunOptions, number: signal.Signals = signal.SIGINT) -> None:
    """Send a signal to wb itself, and wait until the work hears of it."""
    os.kill(os.getpid(), number)
    assert options.cancelled.wait(5)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_signal_ends_the_work_at_its_next_step_and_is_named(
    shown: Shown, number: signal.Signals, code: int
) -> None:
    before = signal.getsignal(number)

    def work(_: str, options: RunOptions) -> Result:
        interrupt(options, number)
        raise InterruptedError

    with pytest.raises(InterruptedByUserError) as caught:
        shown.act_on_each(work)
    assert caught.value.exit_code == code
    by = "" if number == signal.SIGINT else f" by {number.name}"
    assert caught.value.message == f"interrupted{by}; undone: a; not begun: b, c"
    assert signal.getsignal(number) is before


def test_after_a_signal_no_other_instance_is_begun(shown: Shown) -> None:
    begun = []

    def work(id_: str, options: RunOptions) -> Result:
        begun.append(id_)
        interrupt(options)
        raise InterruptedError

    with pytest.raises(InterruptedByUserError):
        shown.act_on_each(work, "demo", "mali", "niger")
    assert begun == ["demo"]


def test_after_a_signal_the_state_of_each_instance_is_shown(shown: Shown) -> None:
    def work(id_: str, options: RunOptions) -> Result:
        if id_ == "demo":
            return result()
        interrupt(options)
        raise InterruptedError

    with pytest.raises(InterruptedByUserError) as caught:
        shown.act_on_each(work, "demo", "mali", "niger")
    assert caught.value.message == (
        "interrupted; ready before: demo; undone: mali; not begun: niger"
    )
    assert make_error_document(caught.value)["instances"][1] == {
        "id": "mali", "result": "undone", "running": (), "stopped": (), "reason": "",
    }  # fmt: skip


def test_an_interruption_shows_the_errors_of_the_undo(shown: Shown) -> None:
    def work(_: str, options: RunOptions) -> Result:
        interrupt(options)
        raise WbError("interrupted; not undone: start demo")

    with pytest.raises(InterruptedByUserError) as caught:
        shown.act_on_each(work, "demo")
    assert caught.value.message == (
        "interrupted; failed: demo (interrupted; not undone: start demo)"
    )


def test_a_second_signal_does_not_stop_the_undo(shown: Shown) -> None:
    undone = []

    def work(_: str, options: RunOptions) -> Result:
        interrupt(options)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        undone.append(True)
        raise InterruptedError

    with pytest.raises(InterruptedByUserError) as caught:
        shown.act_on_each(work, "demo")
    assert undone
    assert caught.value.exit_code == 130
    assert shown.capsys.readouterr().err.count("undoing what was begun") == 2


@pytest.mark.parametrize("check", [None, lambda _: None], ids=["", "checked before"])
def test_after_an_interrupted_stop_the_engine_is_asked_for_remaining_containers(
    shown: Shown, check: Callable[[str], None] | None
) -> None:
    containers = [
        ObservedContainer(f"{id_}-{part}", f"{id_}-{part}", State(state), "", "", "",
                          labels={LABEL_INSTANCE: id_, LABEL_ROLE: part})
        for id_, part, state in [
            ("b", "platform", "exited"), ("b", "postgres", "running"), ("b", "valkey", "running")
        ]
    ]  # fmt: skip
    shown.observed = Observed(tuple(containers), ())

    def work(id_: str, options: RunOptions) -> Result:
        if id_ == "a":
            return result()
        interrupt(options)
        raise InterruptedError

    with pytest.raises(InterruptedByUserError) as caught:
        shown.act_on_each(work, verb=Verb.STOP, check=check)
    assert caught.value.message == (
        "interrupted; stopped: a; "
        "half stopped: b (platform is stopped, postgres and valkey run); not begun: c"
    )
    assert caught.value.hint == "`wb stop b` goes on, `wb run b` brings back what is stopped."


def test_after_an_interrupted_stop_without_an_engine_the_state_is_unknown(shown: Shown) -> None:
    def work(_: str, options: RunOptions) -> Result:
        interrupt(options)
        raise InterruptedError

    with pytest.raises(InterruptedByUserError) as caught:
        shown.act_on_each(work, "demo", verb=Verb.STOP)
    assert caught.value.message == "interrupted; unknown: demo (no engine)"
