"""wb setup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.console import make_error_document
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import list_here
from wb_cli.cli.options import DryRun, Json, Yes
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.errors import ExitCode, WbError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wb_cli.cli.console import Console
    from wb_cli.cli.context import Wb
    from wb_cli.provision.setup import Setup
    from wb_cli.provision.setup_plan import Machine, Step

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
    as_json: Json = False,
) -> int:
    """Make this machine ready for instances.

    It finds the Docker Engine, creates folders and a commented config.toml, and gets the images
    that the declared instances need: pulled, or built where no registry answers. It can be run
    again at any time.

    Examples:
        wb setup
        wb setup --install-engine --yes
    """
    from wb_cli.provision.setup_plan import plan_setup

    del as_json
    wb = get_wb(ctx)
    work = _setup(wb)
    machine = work.look()
    steps = plan_setup(machine, install_engine=install_engine)
    if not wb.console.as_json:
        _announce(wb.console, machine, steps)
    if steps and not dry_run:
        wb.console.confirm("Go on?", yes=yes)
        return _do(wb, work, machine, steps)
    if wb.console.as_json:
        _answer(wb, machine, [_describe(step, "planned") for step in steps])
    elif not steps:
        wb.console.note(f"next: {_suggest_next(wb)}")
    return ExitCode.OK if steps else name_refused(wb.console, wb.registry.refused, ExitCode.OK)


def _setup(wb: Wb) -> Setup:
    from wb_cli.provision.setup import Setup

    # The engine may be started later, so `Setup` asks for it at each use.
    return Setup(
        settings=wb.settings,
        instances=list_here(wb),
        open_engine=lambda: wb.engine,
        open_images=lambda: wb.images,
    )


def _announce(console: Console, machine: Machine, steps: tuple[Step, ...]) -> None:
    if machine.engine:
        console.write_line(f"Found the {machine.engine}.")
    if not steps:
        console.write_line("This machine is ready; there is nothing to do.")
        return
    console.write_line("What will be done:")
    for step in steps:
        console.write_line(f"  {step}")


def _do(wb: Wb, work: Setup, machine: Machine, steps: tuple[Step, ...]) -> int:
    ended: dict[Step, str | WbError] = {}
    with wb.console.tasks(len(steps)) as tasks:
        for step, outcome in work.do(steps, tasks.update):
            ended[step] = outcome
            is_done = not isinstance(outcome, WbError)
            tasks.finish(str(step), "done" if is_done else "failed", ok=is_done)
    errors = [outcome for outcome in ended.values() if isinstance(outcome, WbError)]
    if wb.console.as_json:
        _answer(wb, machine, [_describe(step, "done", ended[step]) for step in ended])
    else:
        _tell(wb.console, ended.values())
    code = name_refused(wb.console, wb.registry.refused, ExitCode.OK)
    if errors:
        return ExitCode.PARTIAL
    if not wb.console.as_json:
        wb.console.write_line("This machine is ready.")
        wb.console.note(f"next: {_suggest_next(wb)}")
    return code


def _tell(console: Console, outcomes: Collection[str | WbError]) -> None:
    """Tell what was set along with the steps, and then what failed."""
    for outcome in outcomes:
        if outcome and not isinstance(outcome, WbError):
            console.write_line(outcome)
    for outcome in outcomes:
        if isinstance(outcome, WbError):
            console.show_error(outcome)


def _answer(wb: Wb, machine: Machine, steps: Sequence[Mapping[str, Any]]) -> None:
    """Answer with a JSON document."""
    wb.console.write_json(
        {
            "engine": machine.engine or None,
            "isReady": all(step["result"] == "done" for step in steps),
            "steps": steps,
            "refused": make_documents(wb.registry.refused),
        }
    )


def _describe(step: Step, result: str, outcome: str | WbError = "") -> dict[str, Any]:
    """Describe a step for ``--json``."""
    document: dict[str, Any] = {
        "task": step.task,
        "path": str(step.path) if step.path else None,
        "image": step.image.reference if step.image else None,
    }
    if isinstance(outcome, WbError):
        return document | {"result": "failed", "note": "", "error": make_error_document(outcome)}
    return document | {"result": result, "note": outcome}


def _suggest_next(wb: Wb) -> str:
    """Suggest the command that follows on a machine that is ready."""
    return "`wb run all`" if wb.registry.instances else "`wb config add ID` declares an instance"
