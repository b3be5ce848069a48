"""wb upgrade."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.commands.backups.places import open_repository, prepare
from wb_cli.cli.commands.upgrading.fetching import fetch_images
from wb_cli.cli.commands.upgrading.interrupted import told_of_all
from wb_cli.cli.commands.upgrading.rehearsing import refuse_others, show_rehearsal
from wb_cli.cli.commands.upgrading.soaking import Soak
from wb_cli.cli.commands.upgrading.standing import show_standing
from wb_cli.cli.context import get_wb
from wb_cli.cli.entries import change_entry_of
from wb_cli.cli.hosts import group_by_host, locate, require_one
from wb_cli.cli.options import DryRun, Json, Quiet, Selectors, Verbose, Wait
from wb_cli.cli.show.endings import act_in_steps, show_endings
from wb_cli.cli.show.refused import name_refused
from wb_cli.cli.words.param_types import Count, Seconds, Size
from wb_cli.errors import ExitCode, UsageError, WbError
from wb_cli.lifecycle.options import READY_WITHIN_S, RunOptions, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.upgrade.upgrade import Upgrade
    from wb_cli.upgrade.upgraded import Upgraded

AT_A_TIME = 2


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(upgrade)


def upgrade(
    ctx: typer.Context,
    selectors: Selectors,
    to: Annotated[
        str,
        typer.Option(
            metavar="VERSION", help="The version, or the image, to come.", show_default=False
        ),
    ] = "",
    status: Annotated[
        bool, typer.Option("--status", help="Show where the upgrades stand; change nothing.")
    ] = False,
    canary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SELECTOR", help="These go first, such as @canary.", show_default=False
        ),
    ] = None,
    parallel: Annotated[
        int, typer.Option(help="Instances in a batch.", click_type=Count(1, 16))
    ] = AT_A_TIME,
    soak: Annotated[
        float,
        typer.Option(
            help="How long a batch runs before the next, and is then looked at.",
            click_type=Seconds(),
        ),
    ] = 0,
    no_judge: Annotated[
        bool,
        typer.Option("--no-judge", help="Soak without comparing answer times and errors."),
    ] = False,
    max_failures: Annotated[
        int,
        typer.Option(help="It stops by itself when more than that failed.", click_type=Count(0)),
    ] = 0,
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Do not back up first: no way back for the data.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try again where the same upgrade failed before.")
    ] = False,
    any_hour: Annotated[
        bool, typer.Option("--any-hour", help="Do not wait for an instance's deployHours.")
    ] = False,
    check_within: Annotated[
        float,
        typer.Option(help="How long the new image's own check may take.", click_type=Seconds()),
    ] = 60,
    rehearse: Annotated[
        bool,
        typer.Option(
            "--rehearse",
            help="Upgrade nothing: compare what both versions answer on a clone of a backup.",
        ),
    ] = False,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what a rehearsal finds as a page for those who own the figures.",
            show_default=False,
        ),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(
            help="Memory that a rehearsal may take; without it 2g.",
            click_type=Size(),
            show_default=False,
        ),
    ] = None,
    disk: Annotated[
        int | None,
        typer.Option(
            help="Room on the disk that a rehearsal may take; without it, as WB_BACKUP_PROOF_DISK "
            "says.",
            click_type=Size(),
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
    timeout: Annotated[
        float,
        typer.Option(
            help="How long the new platform may take until it is healthy.", click_type=Seconds()
        ),
    ] = READY_WITHIN_S,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Bring another version; go back if it fails.

    The image is fetched first, and each instance is backed up. Where the image has a check of its
    own, it runs before anything stops. Then only the platform is replaced. If the new one is not
    healthy in time, the container from before comes back by itself, and its log is kept for `wb
    logs ID --failed`.

    Of several instances the canaries go first, the others in a shuffled order, a batch at a time.
    It stops by itself where too many fail, or where after `--soak` the upgraded have got slower or
    fail more often, against themselves before and those still to come. Run again, it goes on: what
    has the version is left alone, and so is an instance where this upgrade failed before, until
    `--retry`.

    With `--rehearse` nothing is upgraded. The last proven backup of each instance is cloned, in no
    network. Every result that the version in use gives is computed by the new one, too. What
    differs is named, with its object, field, old and new value, grouped by likely cause. The exit
    code is 8 then. Nothing is left of the clone.

    Examples:
        wb upgrade demo --to 1.7.0
        wb upgrade demo --to 1.7.0 --rehearse --page figures.html
        wb upgrade all --to 1.7.0 --canary @canary --soak 10m
        wb upgrade all --status
    """
    del as_json, verbose, quiet
    from wb_cli.lifecycle.batch import combine_exit_codes
    from wb_cli.upgrade.rehearsing.budget import MEMORY, Budget
    from wb_cli.upgrade.rollout import count_failures, describe_stand, split_into_batches
    from wb_cli.upgrade.upgrade import Ways

    wb = get_wb(ctx)
    selection = wb.select(selectors)
    hosts = locate(wb, selection.instances)
    ids = list(hosts)
    given = {"--page": page, "--memory": memory, "--disk": disk}
    others = {"--status": status, "--dry-run": dry_run}
    refuse_others(rehearse, given, others)
    if status:
        return show_standing(wb, ids, selection.refused)
    if not to:
        raise UsageError("--to is missing: the version to come", "`--status` shows what there is.")
    canaries = _find_canaries(wb, canary or (), ids)
    if rehearse:
        wb = require_one(wb, hosts)
    _make_ready(wb, hosts, to, dry_run=dry_run, backs_up=not (no_backup or rehearse))
    if rehearse:
        options = RunOptions(Verb.REHEARSE, timeout, wait, parallel=1)
        budget = Budget(memory or MEMORY, disk or wb.settings.backup_proof_disk)
        return show_rehearsal(wb, selection, to, options, budget, page)
    ways = Ways(check_within, retry, not any_hour)
    make = _make_upgrades(hosts, to, ways, backs_up=not no_backup)
    options = RunOptions(Verb.UPGRADE, timeout, wait, parallel, dry_run)
    endings: list[Ended[Upgraded]] = []
    stopped = ""
    batches = list(split_into_batches(ids, canaries, parallel, to))
    soaking = Soak(wb, hosts, options, soak, judges=not no_judge)
    with told_of_all(ids, endings):
        soaking.watch_before(ids if len(batches) > 1 else ())
        for number, batch in enumerate(batches):
            endings += act_in_steps(
                wb, options, batch, lambda id_, own: make(id_, own).run(), hosts
            )
            left = [id_ for later in batches[number + 1 :] for id_ in later]
            failures = count_failures(endings)
            if left and failures <= max_failures and not dry_run:
                failures += soaking.run(endings, left)
            why = f"{failures} failed, and {max_failures} may" if failures > max_failures else ""
            if left and (why := why or soaking.worse):
                stopped = describe_stand(endings, left, why)
                break
    endings.sort(key=lambda ended: ids.index(ended.instance))
    more = {"stopped": stopped, "judged": soaking.make_documents()}
    show_endings(wb.console, endings, selection.refused, more)
    code = combine_exit_codes(endings) if endings else ExitCode.OK
    if stopped and not wb.console.as_json:
        wb.console.show_error(WbError(stopped, "`wb why ID` tells more; run it again to go on."))
    if stopped and code is ExitCode.OK:
        code = ExitCode.PARTIAL
    return name_refused(wb.console, selection.refused, code)


def _make_ready(wb: Wb, hosts: Mapping[str, Wb], to: str, *, dry_run: bool, backs_up: bool) -> None:
    """Have the images on each host, and the repository, before anything is changed."""
    groups = group_by_host(list(hosts), hosts, wb)
    for host, there in groups:
        fetch_images(host, there, to, dry_run=dry_run)
    for host, _ in groups if backs_up and not dry_run else ():
        prepare(host)


def _make_upgrades(
    hosts: Mapping[str, Wb], to: str, ways: Any, *, backs_up: bool
) -> Callable[[str, RunOptions], Upgrade]:
    """Make what upgrades one instance, once its lock is held: its entry is read then."""
    from wb_cli.upgrade.safety import back_up_first
    from wb_cli.upgrade.settling import settle_and_run
    from wb_cli.upgrade.upgrade import Upgrade

    def make(id_: str, options: RunOptions) -> Upgrade:
        wb = hosts[id_]
        fleet = wb.fleet
        read_entry = partial(wb.registry_file.read_entry, id_)
        settle_and_run(fleet, read_entry, options, partial(change_entry_of, wb, id_))

        def back_up(instance: Any, own: RunOptions) -> str:
            restic = open_repository(wb, own.cancelled, options.verb, id_)
            return back_up_first(fleet, restic, instance, own)

        return Upgrade(
            fleet,
            wb.images,
            read_entry(),
            to,
            options,
            ways,
            partial(change_entry_of, wb, id_),
            back_up if backs_up else None,
        )

    return make


def _find_canaries(wb: Wb, words: Sequence[str], ids: Sequence[str]) -> set[str]:
    """Find the canaries among the chosen instances.

    Raises:
        UsageError: none of the chosen is one.
    """
    if not words:
        return set()
    found = {instance.id for instance in wb.select(words).instances} & set(ids)
    if not found:
        raise UsageError(
            f"--canary {' '.join(words)}: none of the chosen instances is one of these",
            f"The chosen ones are {', '.join(ids)}.",
        )
    return found
