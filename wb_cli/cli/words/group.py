"""A group of commands, and the error for a word that is no command."""

from __future__ import annotations

import click
from typer.core import TyperGroup


class NoSuchCommandError(click.UsageError):
    """A word where a command should stand."""

    def __init__(self, word: str, context: click.Context) -> None:
        super().__init__(f"No such command {word!r}.", context)
        self.word = word


class Group(TyperGroup):
    """A group. Its error for an unknown word has no suggestion, as wb adds its own."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names."""
        word = args[0]
        if not ctx.resilient_parsing and not word.startswith("-") and word not in self.commands:
            raise NoSuchCommandError(word, ctx)
        return super().resolve_command(ctx, args)
