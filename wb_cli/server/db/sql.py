"""What every query needs: to quote a name for SQL, and to require that a row exists."""

from typing import Any

from wb_cli.server.db.errors import RecordMissingError


def quoted(identifier: str) -> str:
    """Any name as an SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def require_row(row: Any, kind: str, id_: str) -> Any:
    """The row, if there is one.

    Raises:
        RecordMissingError: the row is None.
    """
    if row is None:
        raise RecordMissingError(f'there is no {kind} "{id_}"', "check the id")
    return row
