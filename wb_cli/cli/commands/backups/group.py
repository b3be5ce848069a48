"""wb backup: the group of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wb_cli.cli.commands.backups import (
    backup,
    checking,
    copying,
    forgetting,
    proving,
    scheduling,
    unlocking,
)
from wb_cli.cli.words.group import Group

if TYPE_CHECKING:
    import click


class BackupGroup(Group):
    """The group. A word that is no command of it is a selector: `wb backup demo`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command to make backups before selectors and its options."""
        if args and args[0] not in {*self.commands, "--help", "-h"}:
            args = [backup.MAKE, *args]
        return super().parse_args(ctx, args)


group = typer.Typer(
    cls=BackupGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Back up instances; prove and keep backups.",
)
for module in (backup, checking, unlocking, copying, proving, forgetting, scheduling):
    module.add_to(group)


def register(app: typer.Typer) -> None:
    """Add the group to the tree."""
    app.add_typer(group, name="backup")
