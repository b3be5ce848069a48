"""Keeping the garbage collector from holding up the loop."""

import gc
from collections.abc import Iterator
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
