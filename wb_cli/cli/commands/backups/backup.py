"""wb backup make / list / show, and the way to the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.commands.backups.moments import (
    find_moments,
    make_documents,
    show_moments,
)
from wb_cli.cli.commands.backups.places import (
    act_with_repository,
    choose_backup,
    copy_to_places,
    open_repository,
    prepare,
    read_places,
    require_known,
    show_copied,
)
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import go_to, select_on_one
from wb_cli.cli.options import (
    DryRun,
    Id,
    Json,
    MaybeId,
    Quiet,
    Selectors,
    Verbose,
    Wait,
)
from wb_cli.cli.show import backups as show
from wb_cli.cli.show.endings import show_endings
from wb_cli.cli.show.refused import name_refused
from wb_cli.cli.words.param_types import Count, Filled
from wb_cli.errors import ExitCode, UsageError, WbError
from wb_cli.instances.suggestions import suggest

if TYPE_CHECKING:
    from wb_cli.cli.context import Wb
    from wb_cli.instances.selectors import Selection

MAKE = "make"
AT_A_TIME = 2


At = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="BACKUP",
        help="Its id, or how it begins; else the newest.",
        click_type=Filled(),
    ),
]
To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="TIME",
        help="As at this moment: a time, or how long ago, such as 10m.",
        click_type=Filled(),
    ),
]


def add_to(group: typer.Typer) -> None:
    """Add the commands to the group."""
    group.command(MAKE)(make)
    group.command("list")(list_)
    group.command("show")(show_one)


def make(
    ctx: typer.Context,
    selectors: Selectors,
    present: Annotated[
        bool, typer.Option("--present", help="Leave out instances that have no containers.")
    ] = False,
    dry_run: DryRun = False,
    wait: Wait = 0,
    parallel: Annotated[
        int, typer.Option(help="Instances at a time.", click_type=Count(1, 16))
    ] = AT_A_TIME,
    full: Annotated[
        bool, typer.Option("--full", help="Copy all of the databases, not what changed.")
    ] = False,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Back up instances while they run.

    The databases are copied as of one moment, the copy is checked, and then stored with the assets,
    the sandbox, the declaration and the secrets: encrypted, and only what is new. Nothing is
    stopped. A backup counts once all of it is stored.

    From PostgreSQL 17 on a backup has what changed in the databases since the last one that has all
    of them, which is made anew every few days (the setting backup_full_every).

    `make` can be left out, unless an instance has the name of another command.

    Examples:
        wb backup demo
        wb backup all
    """
    del as_json, verbose, quiet
    from wb_cli.backup.make import BackUp
    from wb_cli.cli.commands.backups.looking import look_again
    from wb_cli.cli.commands.backups.telling import told
    from wb_cli.lifecycle.batch import combine_exit_codes
    from wb_cli.lifecycle.options import RunOptions, Verb

    wb = get_wb(ctx)
    with told(wb, "backup", is_dry_run=dry_run) as outcome:
        wb, selection = _select(ctx, selectors)
        instances = {instance.id: instance for instance in selection.instances}
        if present:
            there = {container.instance for container in wb.engine.observe().containers}
            instances = {id_: each for id_, each in instances.items() if id_ in there}
            if not instances:
                wb.console.note("No chosen instance has containers, so nothing is backed up.")
        if not dry_run:
            prepare(wb)
        options = RunOptions(Verb.BACKUP, wait_s=wait, parallel=parallel, dry_run=dry_run)
        outcome.endings = act_with_repository(
            wb,
            options,
            list(instances),
            lambda id_, own, restic: BackUp(wb.fleet, restic, instances[id_], own, full).run(),
        )
        copied = [] if dry_run else copy_to_places(wb)
        if not dry_run:
            look_again(wb, open_repository(wb))
        documents = {"copies": [each.as_document() for each in copied]}
        show_endings(wb.console, outcome.endings, selection.refused, documents)
        code = combine_exit_codes(outcome.endings) if outcome.endings else ExitCode.OK
        code = show_copied(wb, copied, code)
        outcome.code = name_refused(wb.console, selection.refused, code)
    return outcome.code


def _select(ctx: typer.Context, words: list[str]) -> tuple[Wb, Selection]:
    """Select instances. The first word may be a mistyped command, so similar ones are named.

    Raises:
        UsageError: a word selects nothing, or the instances are on several hosts.
    """
    wb = get_wb(ctx)
    try:
        return select_on_one(wb, words)
    except UsageError as error:
        commands = getattr(ctx.parent and ctx.parent.command, "commands", ())
        similar = suggest(words[0], commands, "", prefix="wb backup ")
        if similar and words[0] not in wb.registry.ids():
            error.hint = f"{similar} {error.hint}"
        raise


def list_(
    ctx: typer.Context,
    instance: MaybeId = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only the ids.")] = False,
    as_json: Json = False,
) -> int:
    """List the backups, newest first.

    What was stored by a backup that did not end is no backup; it is only counted. Where backups are
    copied to further places, it says where each one is. For one instance with the field
    pointInTime, it says which moments `wb restore --to` can go back to.

    Examples:
        wb backup list
        wb backup list demo
    """
    from wb_cli.backup.copies import find_everywhere
    from wb_cli.backup.snapshots import find_unfinished

    wb = go_to_host(ctx, instance)
    found, unread = read_places(wb)
    everywhere = find_everywhere(found)
    if instance is not None and not unread:
        require_known(wb, instance, [backup for backup, _ in everywhere])
    backups = [each for each in everywhere if instance in {None, each[0].instance}]
    unfinished = len(find_unfinished(next(iter(found.values()))))
    moments = () if quiet else find_moments(wb, instance, [backup for backup, _ in backups])
    if as_json:
        wb.console.write_json(
            {
                "backups": [show.make_document(*each) for each in backups],
                "moments": make_documents(moments),
                "unfinished": unfinished,
                "unread": [show.make_unread(*each) for each in unread.items()],
            }
        )
    elif quiet:
        for backup, _ in backups:
            wb.console.write_line(backup.short_id)
    else:
        show.show_list(wb.console, backups, list(dict.fromkeys([*found, *unread])), instance)
        if unfinished:
            wb.console.note(f"{unfinished} did not end, and count for nothing")
        if instance:
            show_moments(wb, instance, moments)
    if not as_json:
        for place, error in unread.items():
            wb.console.show_error(WbError(f"unknown what {place} has: {error.message}", error.hint))
    return ExitCode.PARTIAL if unread else ExitCode.OK


def show_one(
    ctx: typer.Context,
    instance: Id,
    at: At = "",
    as_json: Json = False,
) -> None:
    """Show what a backup holds.

    Examples:
        wb backup show demo
        wb backup show demo --at 1a2b3c4d
    """
    from wb_cli.backup import manifest
    from wb_cli.backup.snapshots import MANIFEST_PATH

    wb = go_to_host(ctx, instance)
    backup = choose_backup(wb, instance, at)
    found = manifest.parse(
        open_repository(wb).read_file(backup.manifest, MANIFEST_PATH), backup.short_id
    )
    if as_json:
        wb.console.write_json(manifest.as_document(found))
        return
    for line in show.describe_manifest(found):
        wb.console.write_line(line)


def go_to_host(ctx: typer.Context, instance: str | None) -> Wb:
    """Go to the host of an instance: a folder of backups is on the machine of its engine."""
    wb = get_wb(ctx)
    return go_to(wb, instance) if instance else wb
