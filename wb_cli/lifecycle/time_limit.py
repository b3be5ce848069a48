"""A limit for work that ends at a signal."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wb_cli.lifecycle.execute import Cancellation

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def time_limit(seconds: float, cancelled: threading.Event) -> Iterator[threading.Event]:
    """Give an event that is set by ``cancelled``, or when the time is over.

    Raises:
        TimeoutError: the work was interrupted because the time was over.
    """
    limit = Cancellation(cancelled)
    timer = threading.Timer(seconds, limit.set)
    timer.daemon = True
    timer.start()
    try:
        yield limit
    except InterruptedError:
        if cancelled.is_set():
            raise
        raise TimeoutError from None
    finally:
        timer.cancel()
