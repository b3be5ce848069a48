"""Keeping the garbage collector from holding up the loop."""

import gc


def keep_for_good() -> None:
    """What lives now will live long: never walk over it again.

    A full collection over imported modules and a filled L1 takes 25 ms and more, in which no
    request is answered. What is dropped later is still freed at once, by its reference count.
    """
    gc.collect(1)
    gc.freeze()
