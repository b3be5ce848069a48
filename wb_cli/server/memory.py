"""Memory: the collector must not hold up the loop, and what is free goes back to the system."""

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Cycles are rare here, and young where there are any; a full collection may wait.
THRESHOLDS = (2_000, 10, 500)


def keep_for_good() -> None:
    """What lives now will live long: never walk over it again.

    A full collection over imported modules and a filled L1 takes 25 ms and more, in which no
    request is answered. What is dropped later is still freed at once, by its reference count.
    """
    gc.set_threshold(*THRESHOLDS)
    gc.freeze()


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
    as large as it has ever been. It takes about a millisecond for each 100 MiB.
    """
    if _malloc_trim is not None:
        _malloc_trim(0)


def _find_malloc_trim() -> Callable[[int], int] | None:
    """Glibc has it; musl and others do not."""
    try:
        function: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return function


_malloc_trim = _find_malloc_trim()
