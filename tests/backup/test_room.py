"""Whether the disks have room for a backup: for the copy, and for the WAL that is stored."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pytest

from wb_cli.backup.copying.room import WAL_BYTES, require_room_for_copy, require_room_for_wal
from wb_cli.errors import WbError
from wb_cli.lifecycle.machine.base import Disk

MIB = 1024**2
COPY, REPOSITORY = Path("/mnt/demo"), Path("/srv/backups")


class Disks:
    """Disks with so many free bytes, by the folders that are on them."""

    def __init__(self, *disks: tuple[int, set[Path]]) -> None:
        self._disks = disks

    def find_disks(self, paths: Iterable[Path]) -> list[Disk]:
        wanted = list(paths)
        found = ((free, [path for path in wanted if path in on]) for free, on in self._disks)
        return [Disk(here[0], free, is_read_only=False) for free, here in found if here]


def refused(disks: Disks, wal: int) -> str:
    with pytest.raises(WbError) as caught:
        require_room_for_wal(cast("Any", disks), REPOSITORY, wal, COPY, MIB)
    return caught.value.message


def test_a_copy_needs_room_for_the_wal_that_is_written_meanwhile() -> None:
    require_room_for_copy(cast("Any", Disks((MIB + WAL_BYTES, {COPY}))), COPY, MIB)
    with pytest.raises(WbError, match="a copy of the databases"):
        require_room_for_copy(cast("Any", Disks((MIB + WAL_BYTES - 1, {COPY}))), COPY, MIB)


def test_wal_on_a_disk_of_its_own_needs_its_own_room() -> None:
    disks = Disks((9 * MIB, {COPY}), (2 * MIB, {REPOSITORY}))
    require_room_for_wal(cast("Any", disks), REPOSITORY, 2 * MIB, COPY, MIB)
    assert "the WAL of the backup below /srv/backups" in refused(disks, 3 * MIB)


def test_wal_beside_the_copy_needs_room_for_both() -> None:
    disks = Disks((3 * MIB + WAL_BYTES, {COPY, REPOSITORY}))
    require_room_for_wal(cast("Any", disks), REPOSITORY, 2 * MIB, COPY, MIB)
    assert "beside a copy of the databases" in refused(disks, 2 * MIB + 1)
