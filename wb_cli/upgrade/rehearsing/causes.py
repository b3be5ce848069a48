"""Why a value may have become another one. Pure, and no more than likely."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from wb_cli.upgrade.rehearsing.differences import Sort

if TYPE_CHECKING:
    from wb_cli.upgrade.rehearsing.differences import Difference

# Two numbers that are nearer to each other than that were added up in another order.
NEAR = 1e-9
MOST_DIGITS = 6
# The factors between units: parts, percent, thousands; months, minutes.
FACTORS = (10, 100, 1000, 1_000_000, 12, 60)


class Cause(StrEnum):
    """A likely cause. The value is shown, and stands in ``--json``."""

    NO_RESULT = "no result any more"
    FIGURE = "another figure"
    SIGN = "another sign"
    FACTOR = "a factor between units"
    ROUNDING = "rounding"
    NOTATION = "the same number, written otherwise"
    EMPTY = "no value any more"
    FILLED = "a value where there was none"
    MISSING_ROW = "a row less"
    NEW_ROW = "a row more"
    MISSING_FIELD = "a field less"
    NEW_FIELD = "a field more"
    ORDER = "another order"
    TEXT = "another text"
    FORM = "another form"
    UNREAD = "known to differ, but too large to say where"


def find_cause(difference: Difference) -> tuple[Cause, str]:
    """Find the likely cause of a difference, and what there is to say of it: the factor, or ""."""
    is_row = difference.path.endswith("]")
    match difference.sort:
        case Sort.MOVED:
            return Cause.ORDER, ""
        case Sort.ADDED:
            return (Cause.NEW_ROW if is_row else Cause.NEW_FIELD), ""
        case Sort.REMOVED:
            return (Cause.MISSING_ROW if is_row else Cause.MISSING_FIELD), ""
        case Sort.CHANGED:
            return _judge(difference.old, difference.new)


def _judge(old: Any, new: Any) -> tuple[Cause, str]:
    if new is None:
        return Cause.EMPTY, ""
    if old is None:
        return Cause.FILLED, ""
    if _is_number(old) and _is_number(new):
        return _judge_numbers(old, new)
    if isinstance(old, str) and isinstance(new, str):
        return Cause.TEXT, ""
    return Cause.FORM, ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _judge_numbers(old: float, new: float) -> tuple[Cause, str]:
    if old == new:
        return Cause.NOTATION, ""
    if math.isclose(old, new, rel_tol=NEAR) or _is_rounded(old, new) or _is_rounded(new, old):
        return Cause.ROUNDING, ""
    if old == -new:
        return Cause.SIGN, ""
    for factor in FACTORS:
        if math.isclose(new, old * factor, rel_tol=NEAR):
            return Cause.FACTOR, f"times {factor}"
        if math.isclose(old, new * factor, rel_tol=NEAR):
            return Cause.FACTOR, f"divided by {factor}"
    return Cause.FIGURE, ""


def _is_rounded(exact: float, rounded: float) -> bool:
    """Whether a number is the other one with fewer digits behind the point."""
    if not math.isfinite(exact):
        return False
    return any(
        rounded == round(exact, digits) and exact != round(exact, digits)
        for digits in range(MOST_DIGITS + 1)
    )
