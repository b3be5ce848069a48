"""The epochs of caches and projects, as a process hears of them."""

import pytest

from wb_cli.server.cache import Loaded, LocalTier, RemoteTier, ValkeyLink
from wb_cli.server.db.epochs import Epochs
from wb_cli.server.results.caches import Caches
from wb_cli.server.results.declared import DECLARED


@pytest.fixture
async def caches() -> Caches:
    return Caches(LocalTier(2**20), RemoteTier(ValkeyLink("redis://127.0.0.1:1")), "code")


async def fill(caches: Caches) -> None:
    async def load() -> Loaded:
        return Loaded("data", "1")

    for name, uniqueness in (
        ("po_detail", "north|a"),
        ("po_detail", "south|a"),
        ("metric_info", "north::a"),
        ("dataset_hfa", "hfa"),
    ):
        await caches[name].get_or_load(uniqueness, "1", load)


def counted(**counts: int) -> dict[str, int]:
    return {declaration.name: 0 for declaration in DECLARED} | counts


async def test_an_epoch_of_a_project_ends_its_entries_alone(caches: Caches) -> None:
    caches.begin_epochs(Epochs({}, {}))
    await fill(caches)

    ended = caches.begin_epochs(Epochs({}, {"north": 5, "hfa": 5}))

    assert ended == counted(po_detail=1, metric_info=1)
    assert caches["po_detail"].peek("south|a", "1")
    assert caches["dataset_hfa"].peek("hfa", "1")


async def test_epochs_that_were_read_before_later_ones_change_nothing(caches: Caches) -> None:
    early, late = Epochs({"po_detail": 1}, {"north": 1}), Epochs({"po_detail": 2}, {"north": 2})
    caches.begin_epochs(early)
    caches.begin_epochs(late)
    await fill(caches)
    fingerprint = caches["po_detail"].fingerprint_of("north|a")

    assert caches.begin_epochs(early) == counted()
    assert caches["po_detail"].fingerprint_of("north|a") == fingerprint == "code~2~2"


async def test_nothing_is_served_before_the_epochs_are_known(caches: Caches) -> None:
    caches.begin_unknown_epoch()
    await fill(caches)

    assert caches.begin_epochs(Epochs({}, {"north": 1})) == counted(
        po_detail=2, metric_info=1, dataset_hfa=1
    )
