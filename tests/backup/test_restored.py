"""Which parts of a backup are brought back, what is said of it, and the entry of a clone."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from wb_cli.backup.moments.spans import Way, name_moment
from wb_cli.backup.moments.stretch import Stretch
from wb_cli.backup.restoring.clone import describe_clone
from wb_cli.backup.restoring.restored import (
    Ending,
    Piece,
    Restored,
    choose_pieces,
    sum_up_room,
)
from wb_cli.backup.snapshots import Backup
from wb_cli.errors import UsageError

ALL = (Piece.DATABASES, Piece.ASSETS, Piece.SANDBOX)
MIB = 1024**2


def way(snapshot: str) -> Way:
    """A way over the segments 3 to 9, on a backup whose copy began in segment 5."""
    stretch = Stretch("20261127T000000Z.a", f"{3:024X}", f"{9:024X}", 16 * MIB, 1, snapshot)
    backup = Backup("demo", "b1", "m", "2026-11-27T00:00:00Z", line="a", wal="0/5000028")
    return Way(1, backup, stretch)


@pytest.mark.parametrize(
    ("only", "held", "chosen"),
    [
        ((), ("assets", "sandbox"), ALL),
        ((), ("assets",), (Piece.DATABASES, Piece.ASSETS)),
        ((), ("assets", "of a later wb"), (Piece.DATABASES, Piece.ASSETS)),
        ((Piece.ASSETS,), ("assets", "sandbox"), (Piece.ASSETS,)),
        ((Piece.SANDBOX, Piece.DATABASES), ("sandbox",), (Piece.DATABASES, Piece.SANDBOX)),
    ],
)
def test_all_comes_back_unless_parts_are_named(
    only: tuple[Piece, ...], held: tuple[str, ...], chosen: tuple[Piece, ...]
) -> None:
    assert choose_pieces(only, held, "1a2b") == chosen


def test_a_part_that_the_backup_lacks_is_named_with_those_that_it_has() -> None:
    with pytest.raises(UsageError, match="the backup 1a2b has no sandbox") as caught:
        choose_pieces((Piece.SANDBOX,), ("assets",), "1a2b")
    assert caught.value.hint == "It has: databases, assets."


@pytest.mark.parametrize(
    ("snapshot", "pieces", "needed", "said"),
    [
        ("s1", ALL, (100 + 5 * 16 + 5 * 16) * MIB, "to fetch"),
        ("", ALL, (100 + 5 * 16) * MIB, "of WAL to replay"),
        ("s1", (Piece.ASSETS,), 100 * MIB, "the backup"),
    ],
    ids=["WAL of the repository", "WAL of the disk", "no databases"],
)
def test_a_restore_to_a_moment_needs_room_for_the_wal_that_it_fetches_and_replays(
    snapshot: str, pieces: tuple[Piece, ...], needed: int, said: str
) -> None:
    found = cast("Any", SimpleNamespace(room=100 * MIB))
    room, what = sum_up_room(found, way(snapshot), pieces)
    assert (room, said in what) == (needed, True)
    assert sum_up_room(found, None, pieces) == (100 * MIB, "the backup")


@pytest.mark.parametrize(
    ("restored", "said"),
    [
        (Restored(Ending.PLANNED, reason="1a2b"), "would be restored: 1a2b"),
        (
            Restored(Ending.PLANNED, reason="1a2b", source="demo", planned=Ending.CLONED),
            "would be cloned: 1a2b",
        ),
        (
            Restored(Ending.PLANNED, reason="for good", planned=Ending.UNDONE),
            "would be undone: for good",
        ),
        (
            Restored(Ending.RESTORED, "1a2b", "http://x", 1, 2, pieces=(Piece.ASSETS,)),
            "restored from 1a2b, only assets: http://x; away for 1.0 s (2.0 s)",
        ),
        (
            Restored(Ending.RESTORED, "1a2b", "http://x", 1, 2, pieces=ALL),
            "restored from 1a2b: http://x; away for 1.0 s (2.0 s)",
        ),
        (
            Restored(Ending.CLONED, "1a2b", "http://x", 1, 2, source="demo"),
            "cloned from demo: http://x (2.0 s)",
        ),
    ],
)
def test_what_was_done_is_said_in_a_line(restored: Restored, said: str) -> None:
    assert restored.describe() == said


def test_a_moment_is_said_and_documented_where_there_is_one() -> None:
    moment = datetime(2026, 11, 27, 6, 30, tzinfo=UTC).timestamp()
    planned = Restored(Ending.PLANNED, reason="1a2b", pieces=ALL, moment=moment)
    assert planned.describe() == f"would be restored to {name_moment(moment)}: 1a2b"
    assert planned.as_document()["moment"] == "2026-11-27T06:30:00+00:00"
    assert "moment" not in Restored(Ending.PLANNED).as_document()


ENTRY: dict[str, Any] = {
    "id": "demo", "label": "Demo", "port": 9000, "serverVersion": "1.6.7", "instanceDir": "d",
    "tags": ["field"], "memory": "2g", "env": {"A": "b"},
}  # fmt: skip


def test_a_clone_has_all_fields_but_those_that_two_instances_cannot_share() -> None:
    assert describe_clone(ENTRY, "new-one", None, None) == {
        "id": "new-one", "label": "New One", "serverVersion": "1.6.7", "tags": ["field"],
        "memory": "2g", "env": {"A": "b"},
    }  # fmt: skip


def test_a_clone_has_the_port_and_the_label_that_are_asked_for() -> None:
    described = describe_clone(ENTRY, "new", 9400, "Trial")
    assert (described["port"], described["label"]) == (9400, "Trial")
