"""What a repository had when wb last looked into it, kept on this host.

`wb status` and `wb doctor` read it, because the repository itself may be far away and slow. Whoever
lists the repository writes it. It is never the reason for a failure.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from wb_cli.errors import WbError
from wb_cli.instances.files import file_errors
from wb_cli.lifecycle.record.beside_registry import folder_beside, write_shared

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wb_cli.instances.host_settings.settings import Settings

FOLDER = "backup-record"


class Kept(Struct, frozen=True, rename="camel"):
    """The backups of one instance. Times are RFC 3339, and empty where there is none.

    ``oldest`` and ``newest`` are when backups were made. ``proven`` is when the last one was made
    that is proven, and ``restore_seconds`` what its restore took. ``proven_until`` is the last
    moment to which replayed WAL led. ``has_failed`` says that the newest was tried and is no good,
    ``wal_has_failed`` that the WAL that follows it is.
    """

    oldest: str
    newest: str
    proven: str = ""
    restore_seconds: float = 0.0
    has_failed: bool = False
    proven_until: str = ""
    wal_has_failed: bool = False


class Copying(Struct, frozen=True, rename="camel"):
    """How the last copy to a further place ended: ``problem`` says why it failed, and "" if well.

    ``complete`` is when the place last had everything. Times are RFC 3339, and empty for never.
    """

    tried: str
    complete: str = ""
    problem: str = ""


class Record(Struct, frozen=True, rename="camel"):
    """What the repository had. ``problem`` is why it could not be read when it was last tried.

    ``copies`` are the further places, by their locations.
    """

    repository: str
    looked: str
    instances: dict[str, Kept] = {}
    problem: str = ""
    copies: dict[str, Copying] = {}


def find_record(settings: Settings, host: str | None) -> Path:
    """Find the file of the record. A folder is another repository on each host."""
    location = settings.backup_repository
    place = f"{host or ''} {location}" if location.startswith("/") else location
    name = hashlib.sha256(place.encode()).hexdigest()[:16]
    return folder_beside(settings.servers_file, FOLDER) / f"{name}.json"


def read_record(path: Path) -> Record | None:
    """Read the record; ``None`` where wb never looked. Raises ``WbError`` if it cannot be read."""
    with file_errors(path, "read"):
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
    try:
        return msgspec.json.decode(text, type=Record)
    except ValueError as error:
        raise WbError(
            f"{path} is no record of backups: {error}", "`wb backup list` makes it anew."
        ) from error


def write_record(path: Path, repository: str, looked: str, kept: Mapping[str, Kept]) -> None:
    """Write what the repository has."""
    known = _read_known(path)
    _write(path, Record(repository, looked, dict(kept), copies=known.copies if known else {}))


def note_problem(path: Path, repository: str, looked: str, problem: str) -> None:
    """Write that the repository could not be read. What was known of it stays."""
    _write(path, replace(_read_known(path) or Record(repository, looked), problem=problem))


def note_copies(path: Path, repository: str, tried: str, problems: Mapping[str, str]) -> None:
    """Write how the copies to further places ended: by place, why one failed, or ""."""
    known = _read_known(path) or Record(repository, tried)
    copies = {
        place: Copying(tried, known.copies[place].complete if place in known.copies else "", why)
        if why
        else Copying(tried, tried)
        for place, why in problems.items()
    }
    _write(path, replace(known, copies=known.copies | copies))


def _read_known(path: Path) -> Record | None:
    with suppress(WbError):
        return read_record(path)
    return None


def _write(path: Path, record: Record) -> None:
    """Replace the file. Whatever keeps it from being written is no reason to fail."""
    with suppress(OSError):
        write_shared(path, msgspec.json.format(msgspec.json.encode(record), indent=2))
