"""The garbage collector: it must not delay the loop. Free memory goes back to the system."""

import asyncio
import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Cycles are rare here, and most are young. So a full collection may wait.
THRESHOLDS = (2_000, 10, 500)
TRIM_EVERY_S = 600.0
NEVER = 2**31 - 1


def keep_for_good() -> None:
    """Let the collector leave out all objects of now, because they will live long.

    A full collection over imported modules and a filled L1 takes 25 ms and more, and no request is
    answered meanwhile. Reference counts still free these objects at once when they are dropped.
    Memory that is free now goes back to the system.
    """
    gc.set_threshold(*THRESHOLDS)
    gc.freeze()
    trim()


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the collector rest while something large is built that will stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def young_alone() -> Iterator[None]:
    """Let the collector look at young objects alone while an L1 is filled that will stay.

    A full collection over 37,000 entries takes 23 ms, and there would be several.
    """
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def trim() -> None:
    """Give the free pages of the heap back to the system, if the C library can.

    The heap keeps the memory that a warm-up or replaced entries left free. Without this, the
    process never becomes smaller. It takes about 5 ms for 100 MiB.
    """
    if _malloc_trim is not None:
        _malloc_trim(0)


async def keep_trimmed() -> None:
    """Trim every few minutes, without end."""
    while True:
        await asyncio.sleep(TRIM_EVERY_S)
        await asyncio.to_thread(trim)


def _find_malloc_trim() -> Callable[[int], int] | None:
    """The function ``malloc_trim``. Glibc has it; musl and others do not."""
    try:
        function: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return function


_malloc_trim = _find_malloc_trim()
