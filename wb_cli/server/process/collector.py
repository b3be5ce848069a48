"""Memory: the collector must not hold up the loop, and what is free goes back to the system."""

import asyncio
import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Cycles are rare here, and young where there are any; a full collection may wait.
THRESHOLDS = (2_000, 10, 500)
TRIM_EVERY_S = 600.0


def keep_for_good() -> None:
    """What lives now will live long: never walk over it again.

    A full collection over imported modules and a filled L1 takes 25 ms and more, in which no
    request is answered. What is dropped later is still freed at once, by its reference count. What
    the work so far left free goes back to the system.
    """
    gc.set_threshold(*THRESHOLDS)
    gc.freeze()
    trim()


@contextmanager
def uncollected() -> Iterator[None]:
    """Build what will stay without walking over it while it grows."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def trim() -> None:
    """Give the free pages of the heap back to the system, where the C library is one that can.

    The heap keeps what a warm-up or a churn of entries left free: without this, the process stays
    as large as it has ever been. It takes about 5 ms for each 100 MiB.
    """
    if _malloc_trim is not None:
        _malloc_trim(0)


async def keep_trimmed() -> None:
    """Trim now and then, for ever."""
    while True:
        await asyncio.sleep(TRIM_EVERY_S)
        await asyncio.to_thread(trim)


def _find_malloc_trim() -> Callable[[int], int] | None:
    """Glibc has it; musl and others do not."""
    try:
        function: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return function


_malloc_trim = _find_malloc_trim()
