"""Rows of the database as values that JSON carries."""

import threading
from collections import UserDict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from wb_cli.server.db import loaded
from wb_cli.server.db.loaded import plain_rows


class Row(UserDict[str, Any]):
    """A row that knows which thread read it."""

    def __getitem__(self, name: str) -> Any:
        self.read_by = threading.current_thread()
        return super().__getitem__(name)


@pytest.mark.parametrize("many", [True, False])
async def test_rows_carry_the_same_values_however_many_there_are(monkeypatch, many):
    monkeypatch.setattr(loaded, "IN_A_THREAD_FROM_ROWS", 1 if many else 1000)
    rows = [
        {"id": "a", "value": None, "day": date(2024, 5, 1)},
        {"id": "b", "value": Decimal("1.5"), "day": date(2024, 6, 1)},
        {"id": "c", "value": Decimal("NaN"), "day": None},
    ]

    assert await plain_rows(rows) == [
        {"id": "a", "value": None, "day": "2024-05-01"},
        {"id": "b", "value": 1.5, "day": "2024-06-01"},
        {"id": "c", "value": None, "day": None},
    ]


@pytest.mark.parametrize(("count", "on_the_loop"), [(2, True), (3, False)])
async def test_many_rows_are_left_to_another_thread(monkeypatch, count, on_the_loop):
    monkeypatch.setattr(loaded, "IN_A_THREAD_FROM_ROWS", 3)
    rows = [Row(id=number) for number in range(count)]

    assert await plain_rows(rows) == [{"id": number} for number in range(count)]

    readers = {row.read_by is threading.current_thread() for row in rows}
    assert readers == {on_the_loop}


async def test_no_records_make_no_rows():
    assert await plain_rows([]) == []
