"""The shutdown: the signals that ask for it, and a failsafe if it takes too long."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

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


def leave(code: int) -> NoReturn:
    """End the process when everything is closed, without tidying its memory.

    To tidy it takes more than 0.1 s, for which a restart would have to wait.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def on_stop_signal(*steps: Callable[[], None]) -> Callable[[], None]:
    """Take these steps at the first SIGTERM or SIGINT. Later signals change nothing.

    Returns a function that takes the same steps without a signal.
    """
    loop = asyncio.get_running_loop()

    has_begun = False

    def begin(reason: str) -> None:
        nonlocal has_begun
        if has_begun:
            return
        has_begun = True
        log.info("[Shutdown] %s", reason)
        for step in steps:
            step()

    for number in SIGNALS:
        loop.add_signal_handler(number, begin, f"{number.name} received")
    return lambda: begin("The parent is gone")
