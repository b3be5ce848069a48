"""Signals as an event or as an error. Signals that wb was started to ignore stay ignored."""

import importlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bursts import SEED, ended_by_burst

from wb_cli.lifecycle.guard.interrupts import (
    SIGNALS,
    InterruptedByUserError,
    ended_by_signals,
    interruptible,
)


@pytest.fixture(params=SIGNALS, ids=lambda number: number.name)
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """One of the signals. The test process's own handler is restored."""
    before = signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def test_a_signal_sets_the_event_and_raises_an_error_at_the_end(number: signal.Signals) -> None:
    def work() -> None:
        with interruptible() as event:
            send(number)
            assert event.wait(5)

    with pytest.raises(InterruptedByUserError, match="interrupted"):
        work()
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_signal_ends_work_that_cleans_up_itself(number: signal.Signals) -> None:
    def work() -> None:
        with ended_by_signals():
            send(number)
            pytest.fail("it went on")

    with pytest.raises(InterruptedByUserError, match="interrupted"):
        work()
    assert signal.getsignal(number) is signal.SIG_DFL


@pytest.fixture
def slow_module(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A module amid whose import a signal comes."""
    text = f"import os\nos.kill(os.getpid(), {int(number)})\nIS_LOADED = True\n"
    (tmp_path / "module_with_a_signal.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield "module_with_a_signal"
    sys.modules.pop("module_with_a_signal")


def test_a_signal_amid_an_import_ends_the_work_when_the_module_is_loaded(slow_module: str) -> None:
    def work() -> None:
        with ended_by_signals():
            assert importlib.import_module(slow_module).IS_LOADED
            signal.sigtimedwait([], 5)
            pytest.fail("it went on")

    with pytest.raises(InterruptedByUserError, match="interrupted"):
        work()
    assert slow_module in sys.modules


def test_a_signal_amid_an_import_reaches_the_work_that_has_begun_since(slow_module: str) -> None:
    def work() -> None:
        with ended_by_signals():
            importlib.import_module(slow_module)
            with interruptible() as event:
                assert event.wait(5)

    with pytest.raises(InterruptedByUserError, match="interrupted"):
        work()


def test_a_signal_amid_the_last_import_of_some_work_reaches_what_is_around_it(
    slow_module: str,
) -> None:
    def work() -> None:
        with interruptible() as event:
            with ended_by_signals():
                importlib.import_module(slow_module)
            assert event.wait(5)

    with pytest.raises(InterruptedByUserError, match="interrupted"):
        work()


def test_a_signal_that_was_ignored_before_changes_nothing(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    with interruptible() as event, ended_by_signals():
        send(number)
    assert not event.is_set()
    assert signal.getsignal(number) is signal.SIG_IGN


# It waits for the event as the actions do: in the main thread and in others, for short times.
WAITING = """
import sys, threading
from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError, interruptible
said = []
try:
    with interruptible(said.append) as cancelled:
        threads = [threading.Thread(target=cancelled.wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        while not cancelled.wait(0.00001):
            pass
        for thread in threads:
            thread.join()
        sys.stdin.read()
except InterruptedByUserError as error:
    raise SystemExit(int(error.exit_code))
"""


@pytest.mark.parametrize("tries", [30, pytest.param(300, marks=pytest.mark.faults)])
def test_no_burst_of_signals_blocks_a_command(tries: int) -> None:
    chance = random.Random(SEED)
    for _ in range(tries):
        with subprocess.Popen(
            [sys.executable, "-c", WAITING],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            told = ended_by_burst(process, chance, 0.005)
            try:
                _, talk = process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                pytest.fail(f"it hangs; {told}")
        assert process.returncode in {130, 143, -signal.SIGHUP}, f"{told} {talk}"
