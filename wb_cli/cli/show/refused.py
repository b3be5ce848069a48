"""Name refused entries and typos of the registry file, in the same way for every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wb_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from wb_cli.cli.console import Console
    from wb_cli.cli.context import Wb
    from wb_cli.instances.registry_file.refused import RefusedEntry


def name_refused(console: Console, refused: Sequence[RefusedEntry], code: int) -> int:
    """Name the entries that were left out, and return an exit code that counts them.

    A JSON answer names them in its document, with :func:`make_documents`.
    """
    if not console.as_json:
        for entry in refused:
            console.show_error(entry.make_error())
    is_well = code in {ExitCode.OK, ExitCode.DEGRADED}
    return ExitCode.PARTIAL if refused and is_well else code


def warn_of_typos(wb: Wb, ids: Collection[str]) -> None:
    """Warn of fields of these instances that have nearly the name of another field."""
    if wb.console.as_json:
        return
    for doubt in wb.registry_file.find_doubts():
        if doubt.is_typo and doubt.id in ids:
            wb.console.note(f"{doubt.id}: warning: {doubt.text}")


def make_documents(refused: Sequence[RefusedEntry]) -> list[dict[str, Any]]:
    """Make the documents of the entries that were left out, for ``--json``."""
    return [entry.as_document() for entry in refused]
