"""Change one entry of the registry file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wb_cli.cli.context import Wb
    from wb_cli.upgrade.upgrade import Change


def change_entry_of(wb: Wb, id_: str, change: Change) -> None:
    """Change the entry of an instance. What else was changed in it meanwhile stays."""
    with wb.registry_file.edit() as edit:
        edit.replace(id_, change(edit.copy_entry(id_)))
