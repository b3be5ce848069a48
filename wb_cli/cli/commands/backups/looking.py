"""Look into the repository of a host, and keep what `wb status` and `wb doctor` show of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Snapshot
    from wb_cli.cli.context import Wb


def look(wb: Wb, restic: Restic, tell: Callable[[str], object] | None = None) -> list[Snapshot]:
    """List the snapshots of the repository, and keep what was seen.

    Raises:
        WbError: it cannot be read. A single snapshot that cannot is only told, with ``tell``.
    """
    from wb_cli.backup import looking

    return looking.look(restic, wb.settings, wb.host or wb.chosen, tell)


def look_again(wb: Wb, restic: Restic) -> None:
    """Keep what is there after a change. The change is done, so an error is only told."""
    try:
        look(wb, restic)
    except WbError as error:
        wb.console.note(f"what the repository has now is not known: {error.headline}")
