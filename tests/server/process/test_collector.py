"""The garbage collector: when it rests, and when it works."""

import gc
from weakref import ref

import pytest

from wb_cli.server.process.collector import uncollected, young_alone


def test_the_collector_rests_while_something_large_is_built_and_works_afterwards():
    def build() -> None:
        with uncollected():
            assert not gc.isenabled()
            raise KeyError("what was built")

    try:
        with pytest.raises(KeyError, match="what was built"):
            build()
        assert gc.isenabled()
    finally:
        gc.unfreeze()


class Ring:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.ring = self


def full_collections() -> int:
    return gc.get_stats()[2]["collections"]


def test_young_objects_alone_are_collected_while_an_l1_is_filled():
    thresholds = gc.get_threshold()
    gc.set_threshold(100, 2, 2)
    try:
        with young_alone():
            before, rings = full_collections(), [ref(Ring()) for _ in range(20_000)]
            assert full_collections() == before
            assert sum(ring() is None for ring in rings) > 19_000
        assert gc.get_threshold() == (100, 2, 2)
    finally:
        gc.set_threshold(*thresholds)
