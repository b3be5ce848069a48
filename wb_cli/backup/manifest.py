"""What a backup holds, written last: a copy without it is no backup."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from wb_cli.errors import WbError

# A backup that holds changes alone is of the second format. An earlier wb would take it for whole.
WHOLE, CHANGES = 1, 2
FORMAT = CHANGES


class Table(Struct, frozen=True, rename="camel"):
    """A table and its rows, as counted before the copy began.

    One that ``was_written`` to since may have any number of rows in the copy.
    """

    name: str
    rows: int
    was_written: bool


class Database(Struct, frozen=True):
    """A database and its tables. The names of tables have their schema in front."""

    name: str
    tables: tuple[Table, ...] = ()


class Content(Struct, frozen=True):
    """How many files a folder has, and how many bytes they have together."""

    files: int
    bytes: int


class Manifest(Struct, frozen=True, rename="camel", kw_only=True):
    """What a backup holds. Times are RFC 3339, in UTC; ``bytes`` are those of all files.

    ``added_bytes`` are those that the repository grew by. ``wal_position`` is PostgreSQL's when
    the copy ended. ``base`` is the backup that this one needs besides its own data; a whole one has
    none, and says ``why_whole``. ``database_bytes`` are those of the running databases. For each
    folder that is not in the backup, ``left_out`` has the reason. ``contents`` are the folders as
    they were stored; an older wb counted none.
    """

    format: int = WHOLE
    instance: str
    snapshot: str
    began: str
    ended: str
    wb: str
    postgres: str
    images: dict[str, str]
    wal_position: str
    databases: tuple[Database, ...]
    folders: tuple[str, ...]
    files: int
    bytes: int
    added_bytes: int
    contents: dict[str, Content] = {}
    base: str = ""
    why_whole: str = ""
    database_bytes: int = 0
    has_cache: bool = False
    left_out: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def room(self) -> int:
        """The bytes that a restore needs: with a base also for it, and for what comes of both."""
        return self.bytes + (2 * self.database_bytes if self.base else 0)


def render(manifest: Manifest) -> bytes:
    """Write a manifest as JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2)


def parse(text: bytes, where: str) -> Manifest:
    """Read a manifest. Raises ``WbError`` if it is none, or of a later wb."""
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except ValueError as error:
        raise WbError(f"{where} has no manifest that wb can read: {error}") from error
    if manifest.format > FORMAT:
        raise WbError(
            f"{where} was written by wb {manifest.wb}, whose manifests this wb does not know",
            "Use that version of wb, or a later one.",
        )
    return manifest


def as_document(manifest: Manifest) -> dict[str, Any]:
    """Give a manifest for ``--json``."""
    return dict(msgspec.to_builtins(manifest))
