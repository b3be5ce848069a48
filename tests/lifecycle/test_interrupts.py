"""Signals as an event, or as an error; what is ignored where wb starts stays ignored."""

import os
import signal
from collections.abc import Iterator

import pytest

from wb_cli.lifecycle.interrupts import (
    SIGNALS,
    InterruptedByUserError,
    ended_by_signals,
    interruptible,
)


@pytest.fixture(params=SIGNALS, ids=lambda number: number.name)
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """One of the signals; how it is handled here is restored."""
    before = signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def test_a_signal_sets_the_event_and_is_told_at_the_end(number: signal.Signals) -> None:
    def work() -> None:
        with interruptible() as event:
            send(number)
            assert event.wait(5)

    with pytest.raises(InterruptedByUserError, match="interrupted"):
        work()
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_signal_ends_what_cleans_up_after_itself(number: signal.Signals) -> None:
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
