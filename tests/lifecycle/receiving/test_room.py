"""What WAL takes on the disk."""

import pytest

from wb_cli.lifecycle.receiving.room import Received, Slot, parse_received, parse_slots

MIB = 1024**2


def test_slots_are_read_as_postgresql_writes_them() -> None:
    assert parse_slots(["wb|t|reserved|16777216|2048", "theirs|f|lost|0|-1"]) == (
        Slot("wb", is_active=True, status="reserved", held=16 * MIB, limit=2048 * MIB),
        Slot("theirs", is_active=False, status="lost", held=0, limit=None),
    )
    assert parse_slots([]) == ()


def test_what_was_received_is_read_as_it_was_measured() -> None:
    assert parse_received("48\n1024\n") == Received(48 * 1024, MIB)


@pytest.mark.parametrize("text", ["", "du: cannot read", "1 2 3"])
def test_another_answer_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_received(text)
    with pytest.raises(ValueError, match=r".+"):
        parse_slots([text])
