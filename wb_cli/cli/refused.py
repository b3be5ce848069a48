"""What commands say of entries of the registry file that are refused: the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wb_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.console import Console
    from wb_cli.instances.refused import RefusedEntry


def name_refused(console: Console, refused: Sequence[RefusedEntry], code: int) -> int:
    """Name the entries that were left out, and count them in an exit code.

    A JSON answer names them itself, with :func:`documents`.
    """
    if not console.as_json:
        for entry in refused:
            console.failure(entry.make_error())
    is_well = code in {ExitCode.OK, ExitCode.DEGRADED}
    return ExitCode.PARTIAL if refused and is_well else code


def documents(refused: Sequence[RefusedEntry]) -> list[dict[str, Any]]:
    """The entries that were left out, for ``--json``."""
    return [entry.as_document() for entry in refused]
