"""The garbage collector: when it rests, and when it works."""

import gc

import pytest

from wb_cli.server.process.collector import uncollected


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
