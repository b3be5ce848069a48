"""Run a command in a container of an instance on wb's own streams."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.errors import UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.contract import Part
    from wb_cli.engine.base import Surroundings
    from wb_cli.engine.types import ObservedContainer

NoTty = Annotated[
    bool, typer.Option("--no-tty", "-T", help="Give it no terminal, though wb has one.")
]
Tolerated = Annotated[
    bool,
    typer.Option(
        "--interactive", "-i", "--tty", "-t", hidden=True, help="As in Compose: it is so anyway."
    ),
]
User = Annotated[
    str,
    typer.Option("--user", "-u", metavar="NAME", help="Run as this user, `1000:1000` or a name."),
]
Workdir = Annotated[str, typer.Option("--workdir", "-w", metavar="PATH", help="Run in there.")]
Environment = Annotated[
    list[str] | None,
    typer.Option("--env", "-e", metavar="NAME=VALUE", help="Set a variable; repeatable."),
]


def find_running(wb: Wb, instance: str, part: Part) -> ObservedContainer:
    """Find the container of a part that runs.

    Raises:
        WbError: it does not run.
    """
    from wb_cli.observe.current_parts import find_container
    from wb_cli.observe.status.part_report import describe_ending

    container = find_container(wb.engine, instance, part, lambda: wb.registry)
    if container.is_running:
        return container
    how = describe_ending(wb.engine, container) or f"{container.name} is {container.state}"
    raise WbError(
        f"{how}, so wb cannot look inside",
        f"`wb run {instance}` starts it; `wb logs {instance} {part}` shows its end.",
    )


def surround(user: str = "", workdir: str = "", env: Sequence[str] | None = None) -> Surroundings:
    """Read who a command runs as, and where.

    Raises:
        UsageError: an entry of the environment is no assignment.
    """
    from wb_cli.engine.base import Surroundings

    for assignment in env or ():
        name, equals, _ = assignment.partition("=")
        if not name or not equals:
            raise UsageError(f"--env {assignment}: not NAME=VALUE", "`--env LANG=C` sets one.")
    return Surroundings(user, workdir, tuple(env or ()))


def converse(
    wb: Wb,
    container: ObservedContainer,
    command: Sequence[str],
    surroundings: Surroundings,
    *,
    has_tty: bool,
) -> int:
    """Run a command in a container on wb's own streams. Return its exit code."""
    from wb_cli.cli import terminal
    from wb_cli.engine.base import Streams
    from wb_cli.lifecycle.guard.interrupts import ended_by_signals

    given = terminal.Terminal() if has_tty and terminal.is_interactive() else None
    streams = Streams(
        wb.console.write_bytes, wb.console.write_talk_bytes, terminal.find_standard_input(), given
    )
    with ended_by_signals() if given else nullcontext():
        return wb.engine.converse(container.id, command, streams, surroundings)
