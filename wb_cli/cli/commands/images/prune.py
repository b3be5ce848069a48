"""wb prune."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import describe_left_out
from wb_cli.cli.options import DryRun, Json, Quiet, Yes
from wb_cli.errors import ExitCode
from wb_cli.provision.pruning.items import Kind
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.console import Console
    from wb_cli.cli.context import Wb
    from wb_cli.provision.pruning.items import Item, Outcome, Survey


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(prune)


def prune(
    ctx: typer.Context,
    only: Annotated[
        list[Kind] | None,
        typer.Option("--only", help="Only this; several times for several.", show_default=False),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Remove what wb left behind and nobody needs.

    wb's own networks of instances that are gone; platform images that no instance, setting or way
    back needs, and old builds of recipes; crash records, histories and upgrades of instances that
    are gone; old copies of the registry file; lock files; records of where such an instance ran. It
    shows all with its size, and asks. It never touches containers, data folders or volumes, nor
    what is not wb's. Instances with containers and without an entry are named.

    Examples:
        wb prune --dry-run
        wb prune --only images --yes
    """
    del as_json, quiet
    from wb_cli.provision.pruning.items import Fate, Outcome
    from wb_cli.provision.pruning.survey import Surveyor

    wb = get_wb(ctx)
    survey = Surveyor(wb.fleet, wb.images, wb.registry).look(only or [*Kind])
    if not wb.console.as_json and not wb.console.is_quiet:
        _show(wb.console, survey)
        if left_out := describe_left_out(wb, "prune"):
            wb.console.note(left_out)
    outcomes = [Outcome(item, Fate.PLANNED) for item in survey.items]
    if survey.items and not dry_run:
        count = len(survey.items)
        wb.console.confirm(f"Remove {'it' if count == 1 else f'these {count}'} for good?", yes=yes)
        outcomes = _remove(wb, survey.items)
    if wb.console.as_json:
        wb.console.write_json(_make_document(survey, outcomes, dry_run=dry_run))
    else:
        _show_end(wb.console, outcomes, dry_run=dry_run)
    return _judge(outcomes)


def _remove(wb: Wb, items: Sequence[Item]) -> list[Outcome]:
    from wb_cli.lifecycle.guard.interrupts import interruptible
    from wb_cli.provision.pruning.remove import Remover
    from wb_cli.provision.pruning.survey import Surveyor

    def look() -> Surveyor:
        return Surveyor(wb.fleet, wb.images, wb.registry_file.read())

    with interruptible(lambda _: wb.console.note("ending at the next one")) as cancelled:
        return Remover(wb.fleet, wb.images, look, cancelled).remove_all(items)


def _show(console: Console, survey: Survey) -> None:
    for item in survey.items:
        size = f" ({describe_size(item.bytes)})" if item.bytes else ""
        console.write_line(f"- {item.kind}: {item.name}{size}: {item.reason}")
    for kind, reason in survey.unknown:
        console.note(f"{kind}: left alone: {reason}")
    for instance in survey.undeclared:
        console.note(
            f"{instance}: has containers and no entry; `wb stop {instance}` removes them, "
            f"`wb config add {instance}` declares it"
        )


def _show_end(console: Console, outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    from wb_cli.provision.pruning.items import Fate

    for outcome in outcomes:
        if outcome.problem:
            console.note(f"{outcome.item.name}: {outcome.fate}: {outcome.problem}")
    if not outcomes:
        console.write_line("nothing to prune")
        return
    counted = [outcome for outcome in outcomes if outcome.fate in {Fate.PLANNED, Fate.REMOVED}]
    size = describe_size(sum(outcome.item.bytes for outcome in counted))
    done = "would be removed; nothing was changed" if dry_run else "removed"
    console.write_line(f"{len(counted)} of {len(outcomes)} {done} (up to {size})")


def _make_document(
    survey: Survey, outcomes: Sequence[Outcome], *, dry_run: bool
) -> dict[str, object]:
    return {
        "isDryRun": dry_run,
        "items": [outcome.as_document() for outcome in outcomes],
        "undeclared": list(survey.undeclared),
        "unknown": [{"kind": kind, "reason": reason} for kind, reason in survey.unknown],
    }


def _judge(outcomes: Sequence[Outcome]) -> int:
    from wb_cli.provision.pruning.items import Fate

    failed = sum(outcome.fate is Fate.FAILED for outcome in outcomes)
    if not failed:
        return ExitCode.OK
    return ExitCode.FAILURE if failed == len(outcomes) else ExitCode.PARTIAL
