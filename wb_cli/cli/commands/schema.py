"""wb schema: the JSON schema of each `--json` answer, for writers of scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.errors import UsageError

ERROR = "error"
ACTIONS = "actions"
# The schema of each command's answer, by the words that the user types after `wb`.
ANSWERS = {
    ERROR: ERROR,
    "run": ACTIONS,
    "start": ACTIONS,
    "stop": ACTIONS,
    "restart": ACTIONS,
    "adopt": "adoptions",
    "status": "status",
    "doctor": "doctor",
    "logs": "logs",
    "why": "why",
    "history": "history",
    "token": "token",
    "init-ssl": "edge/certificate-changes",
    "remove-ssl": "edge/certificate-changes",
    "list-ssl": "edge/certificates",
    "autostart status": "autostart",
    "backup make": "backups/made",
    "backup list": "backups/list",
    "backup copy": "backups/copied",
    "backup show": "backups/shown",
    "backup prove": "backups/proofs",
    "backup check": "backups/check",
    "backup unlock": "backups/unlocked",
    "backup forget": "backups/forgotten",
    "restore": "backups/restores",
    "plan": ACTIONS,
    "apply": ACTIONS,
    "upgrade": "upgrading/upgrade",
    "rollback": "upgrading/rollback",
    "rotate-secret": "rotations",
    "repair": "repairs",
    "clone": "backups/restores",
    "upgrade-postgres": "backups/postgres-upgrades",
    "init-dirs": "folders/each",
    "dirs": "folders/each",
    "remove-dirs": "folders/removals",
    "init-nginx": "edge/site-changes",
    "remove-nginx": "edge/site-changes",
    "list-nginx": "edge/sites",
    "pull": "images/each",
    "images build": "images/each",
    "images save": "images/file",
    "images load": "images/file",
    "setup": "setup",
    "images send": "images/sent",
    "prune": "images/pruned",
    "config add": "config/instance",
    "config remove": "config/removed",
    "config show": "config/shown",
    "config set": "config/changes",
    "config unset": "config/changes",
    "config diff": "config/diff",
    "config backup": "config/backups",
    "config restore": "config/restored",
    "config import": "config/imported",
    "config list": "config/instances",
    "config validate": "config/validation",
    "config settings": "config/settings",
    "config settings set": "config/settings-changes",
    "config settings unset": "config/settings-changes",
    "config fields": "config/fields",
}


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(schema)


def complete_schema(ctx: typer.Context, args: list[str], incomplete: str) -> list[str]:
    """Complete the next word of a command that has a schema."""
    del args
    typed = list(ctx.params.get("command") or ())
    names = [name.split() for name in ANSWERS]
    following = (words[len(typed)] for words in names if _continues(words, typed))
    return sorted({word for word in following if word.startswith(incomplete)})


def _continues(words: list[str], typed: list[str]) -> bool:
    return len(words) > len(typed) and words[: len(typed)] == typed


def schema(
    ctx: typer.Context,
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND...",
            help="A command's words, as in `run` or `config list`; or `error`.",
            autocompletion=complete_schema,
            show_default=False,
        ),
    ],
) -> None:
    """Print the JSON schema of a command's answer.

    A command that fails as a whole answers as `wb schema error` says.

    Examples:
        wb schema status
        wb schema config list
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
