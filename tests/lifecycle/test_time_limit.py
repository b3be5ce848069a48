"""Work that ends when its time is over, and at a signal."""

import threading

import pytest

from wb_cli.lifecycle.time_limit import time_limit


def work(cancelled: threading.Event) -> None:
    """Work until it is told to end, as an engine's task does."""
    while not cancelled.wait(0.01):
        pass
    raise InterruptedError


def test_work_that_takes_too_long_is_ended_and_told_apart_from_a_signal() -> None:
    with pytest.raises(TimeoutError), time_limit(0.02, threading.Event()) as cancelled:
        work(cancelled)


def test_a_signal_stays_one() -> None:
    signalled = threading.Event()
    signalled.set()
    with pytest.raises(InterruptedError), time_limit(60, signalled) as cancelled:
        work(cancelled)


def test_work_that_ends_in_time_is_left_alone() -> None:
    with time_limit(60, threading.Event()) as cancelled:
        assert not cancelled.is_set()
