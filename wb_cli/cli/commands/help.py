"""wb help."""

from __future__ import annotations

from typing import Annotated

import click
import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.words.group import NoSuchCommandError


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("help")(show_help)


def complete_command(ctx: typer.Context, args: list[str], incomplete: str) -> list[str]:
    """Complete the name of a command."""
    del args
    commands = getattr(ctx.find_root().command, "commands", {})
    return [name for name in commands if name.startswith(incomplete)]


def show_help(
    ctx: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND]...",
            help="The words of a command; without one, the help of all.",
            autocompletion=complete_command,
            show_default=False,
        ),
    ] = None,
    man: Annotated[bool, typer.Option("--man", help="Print wb's manual page, for man.")] = False,
) -> None:
    """Show the help of a command.

    Examples:
        wb help run
        wb help config set
        wb help --man > /usr/local/share/man/man1/wb.1
    """
    root = ctx.find_root()
    if man:
        from wb_cli.cli.words.manual import make_manual

        get_wb(ctx).console.write_line(make_manual(root.command))
        return
    get_wb(ctx).console.write_line(_find(root, command or []).get_help())


def _find(context: click.Context, words: list[str]) -> click.Context:
    """Find the command of the words.

    Raises:
        NoSuchCommandError: one of the words names no command.
    """
    for word in words:
        commands = getattr(context.command, "commands", {})
        if word not in commands:
            raise NoSuchCommandError(word, context)
        context = click.Context(commands[word], parent=context, info_name=word)
    return context
