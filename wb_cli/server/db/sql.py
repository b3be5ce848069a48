"""What every query uses: a name quoted for SQL, and a row that must be there."""

from typing import Any

from wb_cli.server.db.errors import RecordMissingError


def quoted(identifier: str) -> str:
    """A name as an SQL identifier, whatever is in it."""
    return '"' + identifier.replace('"', '""') + '"'


def require_row(row: Any, kind: str, id_: str) -> Any:
    """The row.

    Raises:
        RecordMissingError: there is none.
    """
    if row is None:
        raise RecordMissingError(f"there is no {kind} {id_!r}", "check the id")
    return row
