"""What a restore or a clone did, and which parts of a backup it takes. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli import contract
from wb_cli.backup.moments.spans import name_moment
from wb_cli.errors import ExitCode, UsageError
from wb_cli.quantities import describe_size, write_moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from wb_cli.backup.manifest import Manifest
    from wb_cli.backup.moments.spans import Way


class Piece(StrEnum):
    """A part of a backup that can be brought back by itself. The value is its folder's name."""

    DATABASES = contract.DATABASES
    ASSETS = contract.ASSETS
    SANDBOX = contract.SANDBOX


class Ending(StrEnum):
    """How a restore ended."""

    PLANNED = "planned"
    RESTORED = "restored"
    CLONED = "cloned"
    ACCEPTED = "accepted"
    UNDONE = "undone"


class Restored(Struct, frozen=True):
    """What a restore did. ``away_s`` is how long the platform was away, in seconds.

    ``pieces`` are the parts that came back, ``source`` is the instance that a clone is of. The
    databases are as they were at ``moment``, in seconds since the epoch; 0 for that of the backup.
    ``planned`` is how it would end, where it was only planned.
    """

    ending: Ending
    backup: str = ""
    url: str = ""
    away_s: float = 0.0
    seconds: float = 0.0
    reason: str = ""
    pieces: tuple[Piece, ...] = ()
    source: str = ""
    platform: str = ""
    moment: float = 0.0
    planned: Ending = Ending.RESTORED

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process."""
        return ExitCode.OK

    def describe(self) -> str:
        """Describe it in a line."""
        match self.ending:
            case Ending.PLANNED:
                what = f"{self.planned}{self._name_pieces()}{self._name_moment()}"
                return f"would be {what}: {self.reason}"
            case Ending.RESTORED:
                return (
                    f"restored from {self.backup[:8]}{self._name_pieces()}{self._name_moment()}: "
                    f"{self.url}; away for "
                    f"{self.away_s:.1f} s ({self.seconds:.1f} s)"
                )
            case Ending.CLONED:
                return f"cloned from {self.source}: {self.url} ({self.seconds:.1f} s)"
            case Ending.ACCEPTED:
                return "accepted; the folders from before are removed"
            case _:
                return f"undone; it has the folders from before: {self.url}"

    def _name_pieces(self) -> str:
        is_all = Piece.DATABASES in self.pieces and len(self.pieces) > 1
        return "" if is_all or not self.pieces else f", only {', '.join(self.pieces)}"

    def _name_moment(self) -> str:
        return f" to {name_moment(self.moment)}" if self.moment else ""

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        more = {"source": self.source} if self.source else {}
        if self.moment:
            more["moment"] = write_moment(self.moment)
        return more | {
            "result": self.ending,
            "backup": self.backup or None,
            "pieces": list(self.pieces),
            "url": self.url or None,
            "awaySeconds": round(self.away_s, 3),
            "seconds": round(self.seconds, 3),
        }


def sum_up_room(found: Manifest, way: Way | None, pieces: Collection[Piece]) -> tuple[int, str]:
    """Sum up the bytes that a restore needs on the disk, and say what for."""
    if way is None or Piece.DATABASES not in pieces:
        return found.room, "the backup"
    needed = found.room + way.fetched_bytes + way.replayed_bytes
    said = f"{describe_size(way.replayed_bytes)} of WAL to replay"
    if way.fetched_bytes:
        said = f"{describe_size(way.fetched_bytes)} of WAL to fetch, and {said}"
    return needed, f"the backup with {said}"


def choose_pieces(only: Collection[Piece], held: Iterable[str], backup: str) -> tuple[Piece, ...]:
    """Choose what is brought back: all that the backup holds, or only what is asked for.

    ``held`` are the folders that the backup holds beside the databases.

    Raises:
        UsageError: the backup does not hold what is asked for.
    """
    there = {Piece.DATABASES, *(Piece(name) for name in held if name in set(Piece))}
    if missing := [piece for piece in Piece if piece in only and piece not in there]:
        raise UsageError(
            f"the backup {backup} has no {' and no '.join(missing)}",
            f"It has: {', '.join(piece for piece in Piece if piece in there)}.",
        )
    return tuple(piece for piece in Piece if piece in (only or there))
