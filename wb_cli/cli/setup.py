"""wb setup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import DryRun, Yes, get_wb
from wb_cli.cli.refused import name_refused
from wb_cli.errors import ExitCode, WbError

if TYPE_CHECKING:
    from wb_cli.cli.console import Console
    from wb_cli.cli.context import Wb
    from wb_cli.provision.setup import Setup
    from wb_cli.provision.setup_plan import Step

InstallEngine = Annotated[
    bool,
    typer.Option("--install-engine", help="Install and start the Docker Engine where none is."),
]


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(setup)


def setup(
    ctx: typer.Context,
    install_engine: InstallEngine = False,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Make this machine ready for instances; can be run again at any time.

    Finds the Docker Engine, creates folders and a commented config.toml, and gets the images that
    the declared instances need: pulled, or built where no registry answers.
    """
    from wb_cli.provision.setup_plan import plan_setup

    wb = get_wb(ctx)
    work = _setup(wb)
    machine = work.look()
    steps = plan_setup(machine, install_engine=install_engine)
    if machine.engine:
        wb.console.write_line(f"Found the {machine.engine}.")
    if not steps:
        wb.console.write_line("This machine is ready; there is nothing to do.")
        return name_refused(wb.console, wb.registry.refused, ExitCode.OK)
    _announce(wb.console, steps)
    if dry_run:
        return ExitCode.OK
    wb.console.confirm("Go on?", yes=yes)
    return _do(wb, work, steps)


def _setup(wb: Wb) -> Setup:
    from wb_cli.provision.setup import Setup

    # The engine may be started later, so `Setup` asks for it at each use.
    return Setup(
        settings=wb.settings,
        instances=wb.registry.instances,
        open_engine=lambda: wb.engine,
        open_images=lambda: wb.images,
    )


def _announce(console: Console, steps: tuple[Step, ...]) -> None:
    console.write_line("What will be done:")
    for step in steps:
        console.write_line(f"  {step}")


def _do(wb: Wb, work: Setup, steps: tuple[Step, ...]) -> int:
    errors: list[WbError] = []
    notes: list[str] = []
    with wb.console.tasks(len(steps)) as tasks:
        for step, outcome in work.do(steps, tasks.update):
            if isinstance(outcome, WbError):
                errors.append(outcome)
                tasks.finish(str(step), outcome.headline, ok=False)
            else:
                tasks.finish(str(step), "done")
                notes.append(outcome)
    for note in filter(None, notes):
        wb.console.write_line(note)
    for error in errors:
        wb.console.show_error(error)
    code = name_refused(wb.console, wb.registry.refused, ExitCode.OK)
    if errors:
        return ExitCode.PARTIAL
    wb.console.write_line("This machine is ready.")
    return code
