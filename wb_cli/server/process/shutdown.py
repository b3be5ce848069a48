"""The shutdown: the signals that ask for it, and a failsafe if it takes too long."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable

from wb_cli.contract import SHUTDOWN_FAILSAFE_S

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def arm_failsafe(after_s: float = SHUTDOWN_FAILSAFE_S) -> None:
    """End the process with status 1 when the shutdown takes too long.

    This is a thread and not a task, so that it ends a process whose event loop hangs.
    """
    timer = threading.Timer(after_s, force_exit)
    timer.daemon = True
    timer.start()


def force_exit() -> None:
    """Log it, then exit without further steps."""
    log.warning("[Shutdown] Timed out — forcing exit")
    os._exit(1)


def on_stop_signal(*steps: Callable[[], None]) -> None:
    """Take these steps at the first SIGTERM or SIGINT. Later signals change nothing."""
    loop = asyncio.get_running_loop()

    def begin(number: signal.Signals) -> None:
        for later in SIGNALS:
            loop.add_signal_handler(later, lambda: None)
        log.info("[Shutdown] %s received", number.name)
        for step in steps:
            step()

    for number in SIGNALS:
        loop.add_signal_handler(number, begin, number)
