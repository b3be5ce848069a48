"""wb plan / apply."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from wb_cli import __version__
from wb_cli.cli.context import get_wb
from wb_cli.cli.options import PIPE, Json, Quiet, Ready, Selectors, Verbose, Wait
from wb_cli.cli.room import make_room_check
from wb_cli.cli.show.batch import act_in_turn, tell_ends
from wb_cli.cli.starts import choose_to_start
from wb_cli.cli.words.param_types import Count
from wb_cli.errors import ExitCode, UsageError
from wb_cli.lifecycle.options import PARALLEL, READY_WITHIN_S, RunOptions, Verb
from wb_cli.quantities import write_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.lifecycle.actions import Result
    from wb_cli.lifecycle.ended import Ended


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(plan)
    app.command()(apply)


def plan(
    ctx: typer.Context,
    selectors: Selectors,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the plans to this file, for `wb apply`."),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Plan `wb restart`; without it, `wb run`.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Show what `wb run` would do, and keep it.

    Nothing is changed. `wb apply` does what the file says. The file has no secrets, and it is
    written only if every selected instance can be planned.

    Examples:
        wb plan all
        wb plan @field -o tonight.json
        wb plan demo --restart -o demo.json
    """
    del as_json, verbose, quiet
    wb = get_wb(ctx)
    if output == PIPE:
        raise UsageError("plans are kept in a file, not written to stdout", "Name a file with -o.")
    if output and output.is_dir():
        raise UsageError(f"--output {output} is a folder", "Name a file in it.")
    if output and output.exists() and not force:
        raise UsageError(f"{output} exists", "Give --force to replace it, or another name.")
    chosen = choose_to_start(wb, selectors)
    verb = Verb.RESTART if restart else Verb.RUN
    options = RunOptions(verb, parallel=PARALLEL, dry_run=True)
    work = chosen.make_work(verb)
    endings = act_in_turn(wb, list(chosen.instances), work, options, hosts=chosen.hosts)
    code = tell_ends(wb, endings, options, chosen.refused, chosen.hosts)
    if output and code == ExitCode.OK:
        _keep(wb, output, verb, endings)
    elif output:
        wb.console.note(f"{output} was not written: not every selected instance can be planned")
    return code


def apply(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `wb plan -o` wrote.")],
    force: Annotated[
        bool,
        typer.Option("--force", help="Start what the machine seems to have no room for, too."),
    ] = False,
    timeout: Ready = READY_WITHIN_S,
    wait: Wait = 0,
    parallel: Annotated[
        int, typer.Option(help="Instances at a time.", click_type=Count(1, 64))
    ] = PARALLEL,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Do what `wb plan` planned, and nothing else.

    An instance is left alone if its declaration, its images or its containers have changed since
    the plan was made. What has changed is named, and the exit code is 8. The others go on.

    Examples:
        wb apply tonight.json
        wb apply demo.json --wait 60
    """
    del as_json, verbose, quiet
    from wb_cli.lifecycle.record import kept_plans

    wb = get_wb(ctx)
    plans = kept_plans.read(file, str(wb.settings.servers_file))
    agreed = {each.instance: each.agreed for each in plans.plans}
    gone = _find_gone(wb, agreed)
    if len(gone) == len(agreed):
        return tell_ends(wb, gone, RunOptions(plans.verb))
    left_out = {ended.instance for ended in gone}
    chosen = choose_to_start(wb, [id_ for id_ in agreed if id_ not in left_out])
    instances, hosts, refused = chosen
    act = chosen.make_work(plans.verb)
    is_restart = plans.verb is Verb.RESTART
    check = chosen.make_restart_check() if is_restart else None
    if not force and not is_restart and len(instances) > 1:
        check = make_room_check(instances, hosts)
    options = RunOptions(plans.verb, timeout, wait, 1 if is_restart else parallel)
    endings = act_in_turn(
        wb,
        list(instances),
        lambda id_, own: act(id_, replace(own, agreed=agreed[id_])),
        options,
        check,
        hosts,
    )
    return tell_ends(wb, [*endings, *gone], options, refused, hosts)


def _find_gone(wb: Wb, ids: Iterable[str]) -> list[Ended[Result]]:
    """Find the instances of a plan that the registry file no longer has: they are outdated."""
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.lifecycle.planning.basis import OutdatedPlanError

    known = {*wb.registry.ids(), *(entry.id for entry in wb.registry.refused)}
    return [
        Ended(
            id_,
            error=OutdatedPlanError(
                f"{id_} is not as it was when the plan was made: the registry file no longer has "
                "it",
                "Nothing was changed. `wb plan` makes a new plan.",
            ),
        )
        for id_ in ids
        if id_ not in known
    ]


def _keep(wb: Wb, file: Path, verb: Verb, endings: Sequence[Ended[Result]]) -> None:
    from wb_cli.lifecycle.record import kept_plans

    plans = tuple(kept_plans.KeptPlan.of(ended.result.plan) for ended in endings if ended.result)
    registry = str(wb.settings.servers_file)
    kept_plans.write(
        file,
        kept_plans.KeptPlans(kept_plans.FORMAT, __version__, write_now(), registry, verb, plans),
    )
    wb.console.note(f"kept in {file}; `wb apply {file}` does it")
