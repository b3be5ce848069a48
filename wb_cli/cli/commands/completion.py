"""wb completion."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.words.completion import make_script

# The shells that wb completes words for.
Shell = StrEnum("Shell", ["BASH", "ZSH", "FISH"])


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(completion)


def completion(
    ctx: typer.Context,
    shell: Annotated[
        Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.", show_default=False)
    ],
) -> None:
    """Print the completion script of a shell.

    With it the shell completes commands, options, ids, tags, versions, fields and settings. wb
    changes no file of your shell. A package puts the script where the shell looks for it.

    Examples:
        echo 'eval "$(wb completion bash)"' >> ~/.bashrc
        echo 'eval "$(wb completion zsh)"' >> ~/.zshrc   # after compinit
        wb completion fish > ~/.config/fish/completions/wb.fish
    """
    get_wb(ctx).console.write_line(make_script(shell))
