"""Read from the histories how long restarts took on this host."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wb_cli.lifecycle.adoption.report import Expectation, expect
from wb_cli.lifecycle.options import Verb
from wb_cli.lifecycle.record.history import Line, read_lines

if TYPE_CHECKING:
    from pathlib import Path

LATEST = 9
MEASURED = {Verb.RESTART, Verb.ADOPT}


def read(history: Path, save_s: float) -> Expectation:
    """Expect what the last restarts and takeovers on this host took."""
    taken: list[tuple[str, float]] = []
    with suppress(OSError):
        for path in history.glob("*.jsonl"):
            taken += list_restarts(read_lines(path))
    latest = [seconds for _, seconds in sorted(taken)[-LATEST:]]
    return expect(latest, save_s)


def list_restarts(lines: list[Line]) -> list[tuple[str, float]]:
    """List when restarts ended well, and the seconds that they took. Pure."""
    begun = {line.id for line in lines if line.verb in MEASURED}
    return [
        (line.ended, line.seconds)
        for line in lines
        if line.id in begun and line.ended and not line.exit_code
    ]
