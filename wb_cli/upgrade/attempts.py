"""What became of the upgrades of each instance, kept beside the registry file.

A line is written before the entry is changed, and again at the end. So whatever ends wb in between,
the next command knows what was under way.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from wb_cli.errors import WbError
from wb_cli.instances.files import file_errors
from wb_cli.lifecycle.record.beside_registry import find_upgrades, write_shared
from wb_cli.upgrade.target import Version  # noqa: TC001  (msgspec reads the annotations)

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 20


class State(StrEnum):
    """What became of an attempt. The value is shown in ``--json``."""

    UNDER_WAY = "under way"
    UPGRADED = "upgraded"
    GOING_BACK = "going back"
    FATAL = "fatal"
    CUT_OFF = "cut off"
    ROLLED_BACK = "rolled back"


UNFINISHED = {State.UNDER_WAY, State.GOING_BACK}


class Attempt(Struct, frozen=True, rename="camel"):
    """One upgrade of an instance. Times are RFC 3339; ``ended`` is "" while it is under way.

    ``reason`` says why it failed. ``away_s`` is how many seconds the platform was away, ``backup``
    the id of the backup that was made before. ``judged`` is how it did in the rollout's last soak,
    in words; "" if it was not judged.
    """

    before: Version
    after: Version
    began: str
    ended: str = ""
    state: State = State.UNDER_WAY
    reason: str = ""
    away_s: float | None = None
    backup: str = ""
    judged: str = ""


class Attempts:
    """The attempts of one instance, oldest first. The caller has the lock of the instance."""

    def __init__(self, servers_file: Path, instance: str) -> None:
        self._path = find_upgrades(servers_file) / f"{instance}.json"

    def read(self) -> list[Attempt]:
        """Read them. Raises ``WbError`` if the file cannot be read."""
        with file_errors(self._path, "read"):
            try:
                text = self._path.read_bytes()
            except FileNotFoundError:
                return []
        try:
            return msgspec.json.decode(text, type=list[Attempt])
        except ValueError as error:
            raise WbError(
                f"{self._path} is no list of upgrades: {error}",
                "Move it away: nothing but the history of upgrades is lost.",
            ) from error

    def begin(self, attempt: Attempt) -> None:
        """Write that an attempt begins."""
        self._write([*self.read(), attempt])

    def end(self, attempt: Attempt) -> None:
        """Write how the last attempt ended."""
        self._write([*self.read()[:-1], attempt])

    def judge(self, verdict: str) -> None:
        """Write how the last attempt was judged, if it is one that upgraded the instance."""
        attempts = self.read()
        if attempts and attempts[-1].state is State.UPGRADED:
            self.end(replace(attempts[-1], judged=verdict))

    def _write(self, attempts: list[Attempt]) -> None:
        with file_errors(self._path, "write"):
            content = msgspec.json.format(msgspec.json.encode(attempts[-KEPT:]), indent=2)
            write_shared(self._path, content)


def find_fatal(attempts: list[Attempt], before: str, after: str) -> Attempt | None:
    """Find the attempt that says that this pair of images does not work here. Pure.

    ``before`` and ``after`` are ids of images.
    """
    same = [each for each in attempts if (each.before.id, each.after.id) == (before, after)]
    return same[-1] if same and same[-1].state is State.FATAL else None


def find_unfinished(attempts: list[Attempt]) -> Attempt | None:
    """Find the last attempt if it, or its way back, did not end, because wb was killed. Pure."""
    return attempts[-1] if attempts and attempts[-1].state in UNFINISHED else None


def find_last_upgrade(attempts: list[Attempt]) -> Attempt | None:
    """Find the upgrade that can be taken back: the last one that changed something. Pure.

    One whose way back was cut off can be taken back as well: that is how it goes on.
    """
    last = attempts[-1] if attempts else None
    return last if last and last.state in {State.UPGRADED, *UNFINISHED} else None


def close(attempt: Attempt, state: State, now: str, **more: str | float | None) -> Attempt:
    """Give an attempt as it ended. Pure."""
    return replace(attempt, state=state, ended=now, **more)
