"""wb backup forget."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.commands.backups.looking import look, look_again
from wb_cli.cli.commands.backups.places import act_with_repository, open_places, open_repository
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import select_on_one
from wb_cli.cli.options import DryRun, Json, MaybeSelectors, Quiet, Verbose, Wait, Yes
from wb_cli.cli.show.endings import show_endings
from wb_cli.cli.show.refused import name_refused
from wb_cli.cli.words.param_types import Count
from wb_cli.errors import ExitCode, UsageError, WbError
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wb_cli.backup.forget import Forgotten
    from wb_cli.backup.forget_copies import AtPlace
    from wb_cli.backup.retention import Plan, Rules
    from wb_cli.cli.context import Wb
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.lifecycle.ended import Ended


def _keep(name: str, what: str) -> object:
    return typer.Option(
        f"--keep-{name}",
        metavar="N",
        help=f"{what}; without it, as WB_BACKUP_KEEP_{name.upper()} says.",
        click_type=Count(0, 9_999),
        show_default=False,
    )


KeepLast = Annotated[int | None, _keep("last", "Keep so many of the newest")]
KeepDaily = Annotated[int | None, _keep("daily", "Keep the newest of so many days")]
KeepWeekly = Annotated[int | None, _keep("weekly", "Keep the newest of so many weeks")]
KeepMonthly = Annotated[int | None, _keep("monthly", "Keep the newest of so many months")]


def add_to(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command()(forget)


def forget(
    ctx: typer.Context,
    selectors: MaybeSelectors = None,
    keep_last: KeepLast = None,
    keep_daily: KeepDaily = None,
    keep_weekly: KeepWeekly = None,
    keep_monthly: KeepMonthly = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Forget backups that no rule keeps.

    The rules are applied to each instance by itself. Its newest backup and the last proven one stay
    whatever they say. A backup that failed its proof takes no other's place. What a backup that did
    not end has stored goes after a day, and the copy that it left on the disk at once. It shows
    what goes and what stays, and asks. Then the repository is tidied up, so that the room is free.
    The same rules are applied at each place that WB_BACKUP_COPIES names.

    Examples:
        wb backup forget --dry-run
        wb backup forget demo --keep-daily 14
        wb backup forget --yes
    """
    del verbose, quiet, as_json
    from wb_cli.backup.forget_copies import forget_at_places, plan_at_places
    from wb_cli.backup.retention import Rules, plan_forgetting

    wb, ids, refused = _choose(get_wb(ctx), selectors)
    settings = wb.settings
    rules = Rules(
        last=_or(keep_last, settings.backup_keep_last),
        daily=_or(keep_daily, settings.backup_keep_daily),
        weekly=_or(keep_weekly, settings.backup_keep_weekly),
        monthly=_or(keep_monthly, settings.backup_keep_monthly),
    )
    now = time.time()
    plans = plan_forgetting(look(wb, open_repository(wb)), rules, now)
    plans = _pick(wb, plans, ids)
    elsewhere = plan_at_places(open_places(wb), rules, ids, now)
    _show(wb, plans, rules)
    if not dry_run and (question := _ask(plans.values(), [each for _, each in elsewhere])):
        wb.console.confirm(question, yes=yes)
    endings = _forget_all(wb, plans, rules, wait=wait, dry_run=dry_run)
    freed = None
    if _has_forgotten(endings):
        freed = _prune(wb, wait)
        look_again(wb, open_repository(wb))
    done = [each for _, each in elsewhere]
    if not dry_run:
        with wb.console.tasks() as tasks:
            done = forget_at_places(elsewhere, wait, tasks.update)
    code = _show_end(wb, endings, refused, freed, done, dry_run=dry_run)
    return _show_places(wb, done, code)


def _or(given: int | None, usual: int) -> int:
    return usual if given is None else given


def _ask(plans: Iterable[Plan], elsewhere: Iterable[AtPlace]) -> str:
    """Make the question; "" where nothing goes."""
    going = [plan for plan in plans if not plan.is_empty]
    backups, unfinished = (
        sum(len(plan.gone) for plan in going),
        sum(plan.unfinished for plan in going),
    )
    what = [f"{backups} backups"] if going else []
    what += [f"{unfinished} that did not end"] if unfinished else []
    what += [f"{each.gone} at {each.place}" for each in elsewhere if not each.is_empty]
    return f"Forget {' and '.join(what)} for good?" if what else ""


def _choose(
    wb: Wb, selectors: Sequence[str] | None
) -> tuple[Wb, list[str] | None, Sequence[RefusedEntry]]:
    """Choose the instances; ``None`` for all that the repository has, declared or not.

    An id that is not declared may have backups all the same.
    """
    if not selectors:
        return wb, None, ()
    from wb_cli.instances.registry_file.field_rules import ID
    from wb_cli.instances.selectors import ALL

    known = {*wb.registry.ids(), *(entry.id for entry in wb.registry.refused)}
    others = [word for word in selectors if ID.fullmatch(word) and word not in {*known, ALL}]
    declared = [word for word in selectors if word not in others]
    if not declared:
        return wb, others, ()
    wb, selection = select_on_one(wb, declared)
    return wb, [*(instance.id for instance in selection.instances), *others], selection.refused


def _pick(wb: Wb, plans: Mapping[str, Plan], ids: Sequence[str] | None) -> dict[str, Plan]:
    """Pick the plans of the chosen instances.

    Raises:
        UsageError: an id is neither declared nor in the repository.
    """
    from wb_cli.backup.copying.staging import list_left
    from wb_cli.backup.retention import Plan

    if ids is None:
        return {**{id_: Plan() for id_ in list_left(wb.fleet)}, **plans}
    for id_ in ids:
        if id_ not in plans and id_ not in wb.registry.ids():
            known = ", ".join(sorted(plans)) or "none"
            raise UsageError(f"there is no backup of {id_}", f"There are backups of: {known}.")
    return {id_: plans.get(id_, Plan()) for id_ in ids}


def _show(wb: Wb, plans: Mapping[str, Plan], rules: Rules) -> None:
    """Show what becomes of each backup, if anything goes."""
    from wb_cli.backup.forget import Forgotten

    if wb.console.as_json or wb.console.is_quiet:
        return
    for id_, plan in plans.items():
        if not plan.is_empty:
            for line in Forgotten(plan, rules, is_done=False).list_lines():
                wb.console.write_line(f"{id_}: {line}")
            if plan.unfinished:
                wb.console.write_line(f"{id_}: goes  {plan.unfinished} that did not end")


def _forget_all(
    wb: Wb, plans: Mapping[str, Plan], rules: Rules, *, wait: float, dry_run: bool
) -> list[Ended[Forgotten]]:
    """Forget what goes. Where nothing does, no lock is taken and no history is written."""
    from wb_cli.backup.copying.staging import list_left
    from wb_cli.backup.forget import Forget, Forgotten
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.lifecycle.options import RunOptions, Verb

    left = set(list_left(wb.fleet))
    busy = [id_ for id_, plan in plans.items() if id_ in left or not plan.is_empty]
    done = act_with_repository(
        wb,
        RunOptions(Verb.FORGET, wait_s=wait, parallel=1, dry_run=dry_run),
        busy,
        lambda id_, own, restic: Forget(wb.fleet, restic, id_, rules, plans[id_], own).run(),
    )
    calm = [
        Ended(id_, Forgotten(plan, rules, is_done=True))
        for id_, plan in plans.items()
        if id_ not in busy
    ]
    return sorted([*done, *calm], key=lambda ended: ended.instance)


def _has_forgotten(endings: Iterable[Ended[Forgotten]]) -> bool:
    results = [ended.result for ended in endings if ended.result]
    return any(result.is_done and not result.plan.is_empty for result in results)


def _prune(wb: Wb, wait: float) -> int:
    """Free the room, and give how many bytes that were. Of a repository elsewhere none is known."""
    location = Path(wb.settings.backup_repository)
    machine = wb.fleet.machine if location.is_absolute() else None
    before = machine.measure(location) if machine else None
    with wb.console.tasks() as tasks:
        tasks.update("repository", "removing what no backup needs")
        open_repository(wb).prune(wait)
    after = machine.measure(location) if machine else None
    return max(0, before - after) if before and after else 0


def _show_end(
    wb: Wb,
    endings: Sequence[Ended[Forgotten]],
    refused: Sequence[RefusedEntry],
    freed: int | None,
    elsewhere: Sequence[AtPlace],
    *,
    dry_run: bool,
) -> int:
    from wb_cli.backup.forget import NOTHING
    from wb_cli.lifecycle.batch import combine_exit_codes

    code = combine_exit_codes(endings) if endings else ExitCode.OK
    if not endings and not wb.console.as_json:
        wb.console.note("No backup is there yet.")
    if len(endings) == 1 and endings[0].name == NOTHING and not wb.console.as_json:
        wb.console.write_line(f"{endings[0].instance}: {NOTHING}")
    more = {
        "isPruned": freed is not None,
        "freedBytes": freed or 0,
        "copies": [each.as_document() for each in elsewhere],
    }
    show_endings(wb.console, endings, refused, more)
    if freed and not wb.console.as_json:
        wb.console.write_line(f"{describe_size(freed)} were freed in the repository")
    if dry_run and not wb.console.as_json:
        wb.console.note("Nothing was changed.")
    return name_refused(wb.console, refused, code)


def _show_places(wb: Wb, places: Iterable[AtPlace], code: int) -> int:
    """Show what became of the backups at further places, and give the exit code with that."""
    has_failed = False
    for each in places:
        if error := each.error:
            has_failed = True
            if not wb.console.as_json:
                said = f"{each.place}: nothing forgotten: {error.message}"
                wb.console.show_error(WbError(said, error.hint))
        elif not (wb.console.as_json or wb.console.is_quiet):
            wb.console.write_line(each.describe())
    return ExitCode.PARTIAL if has_failed and code == ExitCode.OK else code
