"""Do something that may take too long or fail, where no answer is an answer, too."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def do_within(seconds: float, work: Callable[[], T]) -> T | None:
    """Do some work in a thread; ``None`` if it fails or takes longer. The thread is left alone."""
    done: list[T] = []

    def do() -> None:
        with suppress(WbError, OSError):
            done.append(work())

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join(seconds)
    return done[0] if done else None
