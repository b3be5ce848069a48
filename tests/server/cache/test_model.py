"""The model checker on many seeds, and proof that it would find a fault.

``WB_MODEL_SEED=n`` runs one seed again, ``WB_MODEL_SEEDS=n`` so many.
"""

import asyncio
import gc
import logging
import os

import pytest
from server.cache.model import check_seed

from wb_cli.server.cache import entry as entry_module
from wb_cli.server.cache import loads
from wb_cli.server.cache.flights import Flights
from wb_cli.server.cache.local import Shelf
from wb_cli.server.cache.remote import Absence, RemoteTier
from wb_cli.server.cache.validity import Validity
from wb_cli.server.cache.writes import WriteQueue

ONE = os.environ.get("WB_MODEL_SEED")
SEEDS = [int(ONE)] if ONE else range(int(os.environ.get("WB_MODEL_SEEDS", "300")))


@pytest.fixture(autouse=True)
def quiet():
    logging.getLogger("wb_cli.server.cache").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("wb_cli.server.cache").setLevel(logging.NOTSET)


async def check_seeds(seeds) -> int:
    return sum([(await check_seed(seed)).answers for seed in seeds])


async def test_the_invariant_holds_in_every_interleaving() -> None:
    assert await check_seeds(SEEDS) > 5 * len(SEEDS)


def ignore_orders_in_l1(patch: pytest.MonkeyPatch) -> None:
    put = Shelf.put
    patch.setattr(Shelf, "put", lambda self, u, e, _order: put(self, u, e, 1))


def ignore_orders_in_the_queue(patch: pytest.MonkeyPatch) -> None:
    def offer(self, write):
        self._latest.clear()
        write.order = 1
        return original(self, write)

    original = WriteQueue.offer
    patch.setattr(WriteQueue, "offer", offer)
    ignore = Shelf.put

    def put(self, uniqueness, entry, order):
        ignore(self, uniqueness, entry, order)
        return True

    patch.setattr(Shelf, "put", put)


def ignore_versions_in_l2(patch: pytest.MonkeyPatch) -> None:
    def judge(self, thing, found, _version):
        is_ours = getattr(found, "fingerprint", None) == self.fingerprint_of(thing)
        return found if is_ours else Absence.NONE

    patch.setattr(Validity, "judge", judge)


def ignore_fingerprints(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Validity, "judge", lambda _, _thing, found, version: found_of(found, version))


def found_of(found, version):
    return found if getattr(found, "version", None) == version else Absence.NONE


def key_flights_by_uniqueness_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Flights,
        "find",
        lambda self, u, _v: next((f for f in self._joinable.values() if f.uniqueness == u), None),
    )


def join_unsettled_loads_that_began(patch: pytest.MonkeyPatch) -> None:
    def find(self, uniqueness, version):
        flying = (f for f in self._in_the_air if not f.landed.done())
        return next((f for f in flying if (f.uniqueness, f.version) == (uniqueness, version)), None)

    patch.setattr(Flights, "find", find)


def store_under_the_version_asked_for(patch: pytest.MonkeyPatch) -> None:
    async def encode(loaded, _fingerprint):
        return entry_module.encode(loaded.data, "v1", "1.0")

    patch.setattr(loads, "encode_beside_the_loop", encode)


def store_what_has_another_version(patch: pytest.MonkeyPatch) -> None:
    def why_not(flight, loaded):
        is_unsettled = None in (flight.version, loaded.version)
        return "other" if is_unsettled or loaded.is_error or flight.is_void else None

    patch.setattr(loads, "_why_not_stored", why_not)


def raise_what_l2_raises(patch: pytest.MonkeyPatch) -> None:
    async def get(self, key):
        return await self._store.get(key)

    patch.setattr(RemoteTier, "_get", get)


def pass_cancellation_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(asyncio, "shield", lambda task: task)


MUTANTS = [
    (ignore_orders_in_l1, r"L1 replaced v\d+ of \w by v\d+"),
    (ignore_orders_in_the_queue, r"one process wrote \[.*\] to one key"),
    (ignore_versions_in_l2, "came from a tier"),
    (ignore_fingerprints, r"\w is of another epoch"),
    (key_flights_by_uniqueness_alone, "came from a tier"),
    (join_unsettled_loads_that_began, r"was answered with v\d+, and was v\d+ when asked for"),
    (store_under_the_version_asked_for, "v1 was answered with"),
    (store_what_has_another_version, "L1 replaced|one process wrote"),
    (raise_what_l2_raises, r"broke a request: LostError"),
    (pass_cancellation_on, "the end of one caller broke a request of another"),
]


@pytest.mark.parametrize(("plant", "finding"), MUTANTS, ids=lambda it: getattr(it, "__name__", ""))
async def test_the_checker_finds_a_planted_fault(
    plant, finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=rf"seed \d+: .*({finding})"):
        await check_seeds(range(1000))
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    gc.collect()
