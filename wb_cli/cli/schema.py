"""wb schema: the JSON schema of each `--json` answer, for writers of scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.errors import UsageError

ERROR = "error"
ACTIONS, IMAGES, FOLDERS, INSTANCE = "actions", "images", "folders", "instance"
# The schema of each command's answer, by the words that the user types after `wb`.
ANSWERS = {
    ERROR: ERROR,
    "run": ACTIONS,
    "start": ACTIONS,
    "stop": ACTIONS,
    "restart": ACTIONS,
    "status": "status",
    "init-dirs": FOLDERS,
    "dirs": FOLDERS,
    "remove-dirs": "removals",
    "pull": IMAGES,
    "images build": IMAGES,
    "config add": INSTANCE,
    "config show": INSTANCE,
    "config set": INSTANCE,
    "config unset": INSTANCE,
    "config list": "instances",
    "config validate": "validation",
    "config settings": "settings",
    "config fields": "fields",
}


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(schema)


def schema(
    ctx: typer.Context,
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND...",
            help="A command's words, as in `run` or `config list`; or `error`.",
            show_default=False,
        ),
    ],
) -> None:
    """Print the JSON schema of what a command answers with --json.

    Where a command fails as a whole it answers as `wb schema error` says.

    Examples: `wb schema status`, `wb schema config list`
    """
    get_wb(ctx).console.write_line(read_schema(" ".join(command)).rstrip())


def read_schema(command: str) -> str:
    """Read the schema of a command's answer.

    Raises:
        UsageError: there is no such command, or it has no `--json`.
    """
    from importlib.resources import files

    if command not in ANSWERS:
        raise UsageError(
            f"there is no schema of {command!r}", f"There are: {', '.join(sorted(ANSWERS))}."
        )
    return files("wb_cli.cli").joinpath("schemas", f"{ANSWERS[command]}.json").read_text()
