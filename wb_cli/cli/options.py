"""The arguments and options that several commands have, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.words.param_types import Seconds
from wb_cli.contract import Part
from wb_cli.errors import WbError

# In the place of a file: standard input, or standard output.
PIPE = Path("-")


def _use_json(ctx: typer.Context, value: bool) -> bool:
    get_wb(ctx).console.as_json = value
    return value


def _add_verbosity(ctx: typer.Context, value: int) -> int:
    console = get_wb(ctx).console
    if value:
        console.set_verbosity(console.verbosity + value)
    return value


def _be_quiet(ctx: typer.Context, value: bool) -> bool:
    console = get_wb(ctx).console
    console.is_quiet = console.is_quiet or value
    return value


def complete_selector(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a selector for the shell. If the registry file cannot be read, suggest nothing."""
    from wb_cli.instances.selectors import complete

    try:
        return complete(get_wb(ctx).registry, incomplete)
    except WbError:
        return []


def complete_setting(incomplete: str) -> list[str]:
    """Complete the name of a setting, as ``NAME=``."""
    from wb_cli.instances.host_settings.table import SETTINGS

    names = (f"{setting.name}=" for setting in SETTINGS)
    return [name for name in names if name.startswith(incomplete)]


def complete_id(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete an id for the shell. If the registry file cannot be read, suggest nothing."""
    try:
        return [name for name in get_wb(ctx).registry.ids() if name.startswith(incomplete)]
    except WbError:
        return []


def complete_part(incomplete: str) -> list[str]:
    """Complete the name of a part for the shell."""
    return [part for part in Part if part.startswith(incomplete)]


Id = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The instance's id.", autocompletion=complete_id, show_default=False
    ),
]
MaybeId = Annotated[
    str | None,
    typer.Argument(
        metavar="[ID]",
        help="The instance's id; without one, all.",
        autocompletion=complete_id,
        show_default=False,
    ),
]
Selectors = Annotated[
    list[str],
    typer.Argument(
        metavar="SELECTOR...",
        help="Instances: an id, `@tag`, `server=<version>`, `on=<host>`, `all`; several at once.",
        autocompletion=complete_selector,
        show_default=False,
    ),
]
MaybeSelectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR]...",
        help="Instances: an id, `@tag`, `server=<version>`, `on=<host>`, `all`; without one, all.",
        autocompletion=complete_selector,
        show_default=False,
    ),
]
PartOption = Annotated[Part, typer.Option("--part", help="Which of its containers.")]
Json = Annotated[
    bool,
    typer.Option("--json", help="Answer as JSON, errors too.", callback=_use_json, is_eager=True),
]
VERBOSE_HELP = "Show each step; -vv: the engine calls with their times, and tracebacks."
QUIET_HELP = "Show only the sum, and errors."
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose", "-v", count=True, help=VERBOSE_HELP, callback=_add_verbosity,
        show_default=False,
    ),
]  # fmt: skip
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=QUIET_HELP, callback=_be_quiet)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show what would be done, with the reasons; change nothing."),
]
Ready = Annotated[
    float,
    typer.Option(help="How long an instance may take until it is ready.", click_type=Seconds()),
]
Wait = Annotated[
    float,
    typer.Option(
        help="How long to wait for an instance that another command is changing.",
        click_type=Seconds(),
    ),
]
