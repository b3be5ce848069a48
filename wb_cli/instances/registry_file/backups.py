"""Copies of the registry file beside it, each with its time in its name."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.files import file_errors

MODE = 0o600
LATEST = "latest"
STAMP = "%Y%m%dT%H%M%SZ"
MARK = ".backup-"


class Backup(Struct, frozen=True):
    """A copy of the registry file, and when it was made."""

    path: Path
    made: datetime

    @property
    def size(self) -> int:
        """The number of its bytes."""
        return self.path.stat().st_size


def make(registry_file: Path, content: bytes, moment: datetime) -> Backup:
    """Keep a content of the registry file under the time of a moment. It never replaces a copy."""
    target = Path(os.path.realpath(registry_file))
    stamp = moment.astimezone(UTC).strftime(STAMP)
    for number in count(1):
        ending = "" if number == 1 else f"-{number}"
        path = target.with_name(f"{target.name}{MARK}{stamp}{ending}")
        try:
            write_new(path, content)
        except FileExistsError:
            continue
        return Backup(path, moment)
    raise AssertionError("numbers do not end")  # pragma: no cover


def write_new(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read.

    Raises:
        FileExistsError: something has this name.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError:
        raise
    except OSError as error:
        with file_errors(path, "write"):
            raise error from None
    with file_errors(path, "write"), os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def list_all(registry_file: Path) -> list[Backup]:
    """List the copies beside the registry file, the newest first."""
    return sorted(_find(registry_file), key=lambda backup: backup.path.name, reverse=True)


def _find(registry_file: Path) -> Iterator[Backup]:
    target = Path(os.path.realpath(registry_file))
    pattern = re.compile(rf"{re.escape(target.name + MARK)}(\d{{8}}T\d{{6}}Z)(-\d+)?")
    with file_errors(target.parent, "read"):
        paths = list(target.parent.iterdir()) if target.parent.is_dir() else []
    for path in paths:
        if match := pattern.fullmatch(path.name):
            yield Backup(path, datetime.strptime(match[1], STAMP).replace(tzinfo=UTC))


def choose(registry_file: Path, word: str) -> Path:
    """Choose a copy: ``latest``, its name beside the registry file, or the path of any file.

    Raises:
        UsageError: there is no such file.
    """
    backups = list_all(registry_file)
    if word == LATEST and backups:
        return backups[0].path
    beside = Path(os.path.realpath(registry_file)).parent / word
    for path in (Path(word), beside):
        if path.is_file():
            return path
    raise UsageError(
        f"there is no file {word} to restore from",
        "`wb config backup --list` shows the copies there are." if backups else
        "There are no copies yet: `wb config backup` makes one.",
    )  # fmt: skip
