"""What a check is. To add one, write one function with ``@check`` in ``checks/``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.observe.doctor.finding import Sign

if TYPE_CHECKING:
    from wb_cli.observe.doctor.facts import Facts

Judge = Callable[["Facts"], Iterator[Sign]]


class Check(Struct, frozen=True):
    """A check: the code of its findings, why they matter, and the function that judges."""

    code: str
    why: str
    judge: Judge


CHECKS: dict[str, Check] = {}


def check(code: str, why: str) -> Callable[[Judge], Judge]:
    """Add a function to the table of checks."""

    def add(judge: Judge) -> Judge:
        CHECKS[code] = Check(code, why, judge)
        return judge

    return add
