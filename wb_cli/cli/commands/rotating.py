"""wb rotate-secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import select_on_one
from wb_cli.cli.options import DryRun, Json, Quiet, Selectors, Verbose, Wait
from wb_cli.cli.show.endings import act_in_steps, show_endings
from wb_cli.cli.show.refused import name_refused
from wb_cli.cli.words.param_types import Seconds
from wb_cli.lifecycle.options import READY_WITHIN_S, RunOptions, Verb

if TYPE_CHECKING:
    pass


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("rotate-secret")(rotate)


def rotate(
    ctx: typer.Context,
    selectors: Selectors,
    dry_run: DryRun = False,
    timeout: Annotated[
        float,
        typer.Option(
            help="How long the platform may take until it is ready.", click_type=Seconds()
        ),
    ] = READY_WITHIN_S,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Give databases new passwords.

    The password of each running database is changed and stored, and its platform is replaced by one
    that has it. If that does not become healthy, the password from before holds again, and the
    platform from before runs. If it is cut off, the next `wb run` ends it. Whatever else connects
    with the old password is refused from then on.

    Examples:
        wb rotate-secret demo
        wb rotate-secret all --dry-run
    """
    del as_json, verbose, quiet
    from wb_cli.lifecycle.batch import combine_exit_codes
    from wb_cli.lifecycle.passwords.rotation import Rotation

    wb, selection = select_on_one(get_wb(ctx), selectors)
    instances = {instance.id: instance for instance in selection.instances}
    endings = act_in_steps(
        wb,
        RunOptions(Verb.ROTATE, timeout, wait, 1, dry_run),
        list(instances),
        lambda id_, options: Rotation(wb.fleet, instances[id_], options).run(),
    )
    show_endings(wb.console, endings, selection.refused)
    return name_refused(wb.console, selection.refused, combine_exit_codes(endings))
