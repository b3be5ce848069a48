"""wb run / stop / restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.batch import act_on_each
from wb_cli.cli.context import DryRun, Json, Selectors, Wait, get_wb
from wb_cli.errors import ExitCode
from wb_cli.lifecycle.options import PARALLEL, READY_WITHIN_S, RunOptions, Verb

if TYPE_CHECKING:
    from wb_cli.cli.console import Console

Timeout = Annotated[
    float, typer.Option(help="Seconds an instance may take until it is ready.", min=0)
]
Parallel = Annotated[int, typer.Option(help="Instances at a time.", min=1, max=64)]


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(run)
    app.command("start", hidden=True, help="The same as `wb run`.")(run)
    app.command()(stop)
    app.command()(restart)


def run(
    ctx: typer.Context,
    selectors: Selectors,
    dry_run: DryRun = False,
    timeout: Timeout = READY_WITHIN_S,
    wait: Wait = 0.0,
    parallel: Parallel = PARALLEL,
    as_json: Json = False,
) -> int:
    """Start instances, or bring running ones to what is declared.

    An instance that runs as declared is left alone. Where the declaration changed, only the
    containers that differ are replaced; the old ones come back if their successors fail.

    Examples: `wb run demo`, `wb run @field server=1.7.0`, `wb run all --dry-run`
    """
    del as_json
    from wb_cli.lifecycle import actions

    wb = get_wb(ctx)
    selection = wb.select(selectors)
    instances = {instance.id: instance for instance in selection.instances}
    return act_on_each(
        wb,
        list(instances),
        lambda id_, options: actions.run(wb.fleet, instances[id_], options),
        RunOptions(Verb.RUN, timeout, wait, parallel, dry_run),
        refused=selection.refused,
    )


def stop(
    ctx: typer.Context,
    selectors: Selectors,
    force: Annotated[
        bool, typer.Option("--force", help="Stop other containers that use the instance, too.")
    ] = False,
    dry_run: DryRun = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for other containers that use it.", min=0)
    ] = 30.0,
    wait: Wait = 0.0,
    parallel: Parallel = PARALLEL,
    as_json: Json = False,
) -> int:
    """Stop instances: platform, admin, postgres, valkey, then the network. Folders stay.

    Works on what the engine has, also for an instance that is no longer in the registry file.
    Containers that are not wb's but use its network or its sandbox, such as a platform's helpers,
    are waited for; when they stay, nothing is stopped and they are named.
    """
    del as_json
    from wb_cli.lifecycle import actions, stop_selection

    wb = get_wb(ctx)
    found = stop_selection.select_to_stop(selectors, lambda: wb.registry, wb.settings, wb.engine)
    if not found.ids:
        return report_nothing_to_stop(wb.console)
    return act_on_each(
        wb,
        found.ids,
        lambda id_, options: actions.stop(wb.fleet, id_, options, force=force),
        RunOptions(Verb.STOP, timeout, wait, parallel, dry_run),
        refused=found.refused,
    )


def report_nothing_to_stop(console: Console) -> int:
    """Say that there is nothing to stop. This is a success."""
    if console.as_json:
        console.write_json({"instances": [], "refused": []})
    else:
        console.note("Nothing to stop: no instance is declared, and none runs.")
    return ExitCode.OK


def restart(
    ctx: typer.Context,
    selectors: Selectors,
    dry_run: DryRun = False,
    timeout: Timeout = READY_WITHIN_S,
    wait: Wait = 0.0,
    as_json: Json = False,
) -> int:
    """Stop and start instances, one after another, applying what changed.

    All are checked before the first one stops; those that could not start again are left alone.
    """
    del as_json
    from wb_cli.lifecycle import actions

    wb = get_wb(ctx)
    selection = wb.select(selectors)
    instances = {instance.id: instance for instance in selection.instances}
    return act_on_each(
        wb,
        list(instances),
        lambda id_, options: actions.restart(wb.fleet, instances[id_], options),
        RunOptions(Verb.RESTART, timeout, wait, 1, dry_run),
        check=lambda id_: actions.check(wb.fleet, instances[id_]),
        refused=selection.refused,
    )
