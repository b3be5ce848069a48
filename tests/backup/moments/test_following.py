"""Which WAL follows a backup, and is tried with it."""

import pytest
from backup.moments.examples import MIB, at, backup, stretch

from wb_cli.backup.moments.following import Following, find_following
from wb_cli.backup.moments.stretch import Stretch

TRIED = backup(200, 5)


def find(stored: list[Stretch], near: list[Stretch]) -> Following:
    found = find_following(TRIED, stored, near)
    assert found
    return found


def test_of_the_same_wal_the_disk_has_more() -> None:
    found = find([stretch(3, 7, 210)], [stretch(4, 9, 400)])
    assert (found.first, found.last, found.until) == (5, 9, at(400))
    assert found.stored
    assert found.near
    assert found.room == (3 + 5) * 16 * MIB


def test_the_repository_alone_leads_as_far_as_it_has_wal() -> None:
    found = find([stretch(3, 7, 210)], [])
    assert (found.near, found.last, found.until) == (None, 7, at(210))


def test_the_disk_alone_is_fetched_from_nowhere() -> None:
    found = find([], [stretch(3, 9, 400)])
    assert (found.stored, found.room) == (None, 5 * 16 * MIB)


def test_of_different_wal_that_is_taken_which_leads_further() -> None:
    old, new = stretch(3, 7, 210), stretch(5, 9, 400, began=1)
    for stored, near in (([old], [new]), ([new], [old])):
        found = find(stored, near)
        assert [each for each in (found.stored, found.near) if each] == [new]


UNFIT = {
    "none": [],
    "of another data folder": [stretch(3, 9, 400, line="b")],
    "begun after the backup": [stretch(6, 9, 400)],
    "that ended before the backup": [stretch(1, 4, 150)],
    "of which nothing is known to be complete": [stretch(3, 9, 0)],
}


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT)
def test_no_wal_follows(unfit: list[Stretch]) -> None:
    assert find_following(TRIED, unfit, unfit) is None
