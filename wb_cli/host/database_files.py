"""Read of which major version of PostgreSQL a database on a disk is, and how large it is."""

import os
from pathlib import Path

from msgspec import Struct

from wb_cli.contract import PGDATA_NAME

# PostgreSQL writes this file last when it makes a database.
VERSION_FILE = Path(PGDATA_NAME, "PG_VERSION")


class DataVersion(Struct, frozen=True):
    """The major version of a database, as in its files: ``17``, or ``9.6``.

    ``text`` is empty if there is no database, and if its version cannot be known. ``unknown`` says
    why it cannot.
    """

    text: str = ""
    unknown: str = ""

    @property
    def major(self) -> int | None:
        """The first number of the version."""
        return int(self.text.partition(".")[0]) if self.text else None


def read_data_version(databases: Path) -> DataVersion:
    """Read the version of the database in an instance's folder ``databases``.

    PostgreSQL closes the folder of a database to all users but itself and root.
    """
    path = databases / VERSION_FILE
    try:
        text = path.read_text(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return DataVersion()
    except OSError as error:
        return DataVersion(unknown=f"{path}: {error.strerror}")
    return parse_data_version(text, path)


def parse_data_version(text: str, path: Path) -> DataVersion:
    """Parse what the file of the version says."""
    text = text.strip()
    if not text.partition(".")[0].isdecimal():
        return DataVersion(unknown=f"{path} holds no version")
    return DataVersion(text)


def read_size(databases: Path) -> int | None:
    """Give the bytes of all databases in an instance's folder ``databases``.

    PostgreSQL's ``pg_database_size`` adds up the same files. ``None`` means that it must be asked:
    this user may not read them, or some lie in tablespaces elsewhere.
    """
    data = databases / PGDATA_NAME
    try:
        if any((data / "pg_tblspc").iterdir()):
            return None
        folders = [folder for folder in (data / "base").iterdir() if folder.name.isdecimal()]
        return sum(map(_add_up, folders))
    except OSError:
        return None


def _add_up(folder: Path) -> int:
    with os.scandir(folder) as files:
        return sum(map(_read_file_size, files))


def _read_file_size(file: os.DirEntry[str]) -> int:
    try:
        return file.stat(follow_symlinks=False).st_size
    except FileNotFoundError:  # PostgreSQL has removed it
        return 0
