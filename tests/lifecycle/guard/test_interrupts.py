"""Signals as an event or as an error. Signals that wb was started to ignore stay ignored."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator

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
