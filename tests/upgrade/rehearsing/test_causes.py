"""Why a value is likely to have become another one."""

from typing import Any

import pytest

from wb_cli.upgrade.rehearsing.causes import Cause, find_cause
from wb_cli.upgrade.rehearsing.differences import Difference, Sort


@pytest.mark.parametrize(
    ("old", "new", "cause", "detail"),
    [
        (10, 11, Cause.FIGURE, ""),
        (0, 5, Cause.FIGURE, ""),
        (10, -10, Cause.SIGN, ""),
        (0.5, 50, Cause.FACTOR, "times 100"),
        (50, 0.5, Cause.FACTOR, "divided by 100"),
        (7, 84, Cause.FACTOR, "times 12"),
        (0.30000000000000004, 0.3, Cause.ROUNDING, ""),
        (12.3456, 12.35, Cause.ROUNDING, ""),
        (12, 12.4, Cause.ROUNDING, ""),
        (float("inf"), 3, Cause.FIGURE, ""),
        (12, 13, Cause.FIGURE, ""),
        (1, 1.0, Cause.NOTATION, ""),
        (1, None, Cause.EMPTY, ""),
        (None, 1, Cause.FILLED, ""),
        ("a", "b", Cause.TEXT, ""),
        ("1", 1, Cause.FORM, ""),
        (True, 1, Cause.FORM, ""),
        ([], {}, Cause.FORM, ""),
    ],
)
def test_a_changed_value_has_a_likely_cause(old: Any, new: Any, cause: Cause, detail: str) -> None:
    assert find_cause(Difference(Sort.CHANGED, "a", "a", old, new)) == (cause, detail)


@pytest.mark.parametrize(
    ("sort", "path", "cause"),
    [
        (Sort.MOVED, "items", Cause.ORDER),
        (Sort.ADDED, "items[3]", Cause.NEW_ROW),
        (Sort.ADDED, "items[3].count", Cause.NEW_FIELD),
        (Sort.REMOVED, "items[3]", Cause.MISSING_ROW),
        (Sort.REMOVED, "count", Cause.MISSING_FIELD),
    ],
)
def test_what_came_went_or_moved_is_called_so(sort: Sort, path: str, cause: Cause) -> None:
    assert find_cause(Difference(sort, path, path)) == (cause, "")
