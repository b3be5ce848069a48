"""Show an action on several instances: who is at work, how each ended, and the sum."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from wb_cli.cli.console import is_unicode, paint
from wb_cli.cli.hosts import group_by_host, run_on_hosts
from wb_cli.cli.show import results
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.lifecycle.options import Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wb_cli.cli.console import Console, Tasks
    from wb_cli.cli.context import Wb
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.lifecycle.actions import Result
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.lifecycle.options import RunOptions

DOING = {
    Verb.RUN: "starting",
    Verb.RESTART: "restarting",
    Verb.STOP: "stopping",
    Verb.ADOPT: "taking over",
}
GREEN, RED, YELLOW = "32", "31", "33"


class _Progress:
    """Shows who is at work. Of several instances, it also shows how each that changed ended.

    On a terminal an instance at work has a live line, and one that ended has a line above. In a
    pipe a line says that the first change begins.
    """

    def __init__(
        self,
        console: Console,
        tasks: Tasks,
        verb: Verb,
        hosts: Mapping[str, Wb],
        *,
        tells_ends: bool,
    ) -> None:
        self._console, self._tasks, self._verb, self._hosts = console, tasks, verb, hosts
        self._tells_ends = tells_ends and not console.is_quiet and not console.as_json
        self._began: dict[str, float] = {}
        self._is_live = sys.stderr.isatty()

    def begin(self, instance: str, reasons: Sequence[str]) -> None:
        """Say that the first change to an instance begins, and why it is made."""
        why = f" ({'; '.join(reasons)})" if reasons else ""
        if not self._is_live or self._console.verbosity:
            self._note(f"{instance}: {DOING[self._verb]}{why}")

    def update(self, instance: str, text: str) -> None:
        """Show a step that begins."""
        self._began.setdefault(instance, time.monotonic())
        self._tasks.update(instance, text)
        if self._console.verbosity:
            self._note(f"{instance}: {text}")

    def tell(self, instance: str, text: str) -> None:
        """Show what an operator should know in any case."""
        self._tasks.update(instance, text)
        if not self._is_live or self._console.verbosity:
            self._note(f"{instance}: {text}")

    def finish(self, ended: Ended[Result]) -> None:
        """Show that the action on an instance has ended."""
        self._tasks.finish(ended.instance, "", ok=not ended.error)
        if self._tells_ends and not ended.is_interrupted and results.is_change(ended):
            mark = f"{_choose_mark(ended)} " if sys.stdout.isatty() else ""
            self._console.write_line(f"{mark}{ended.instance}: {self._describe(ended)}")

    def _describe(self, ended: Ended[Result]) -> str:
        if not ended.error:
            host = _name_host(self._hosts, ended.instance)
            return results.describe_result(ended.result, host) if ended.result else ""
        now = time.monotonic()
        return results.describe_failure(ended.error, now - self._began.get(ended.instance, now))

    def answer(self, text: str) -> None:
        """Answer a further signal."""
        self._console.note(text)

    def _note(self, text: str) -> None:
        if not self._console.is_quiet:
            self._console.note(text)


def _choose_mark(ended: Ended[Result]) -> str:
    failed, done, degraded = ("✘", "✔", "!") if is_unicode(sys.stdout) else ("x", "+", "!")
    if ended.error and results.name_failure(ended.error) == results.FAILED:
        return paint(failed, RED, sys.stdout)
    is_well = not ended.exit_code
    return paint(done, GREEN, sys.stdout) if is_well else paint(degraded, YELLOW, sys.stdout)


def act_on_each(
    wb: Wb,
    ids: Sequence[str],
    work: Callable[[str, RunOptions], Result],
    options: RunOptions,
    check: Callable[[str], None] | None = None,
    refused: Sequence[RefusedEntry] = (),
    hosts: Mapping[str, Wb] | None = None,
) -> int:
    """Act on each instance, show the progress and the results, and return the exit code.

    ``refused`` are the selected entries that are refused; they are named. For the rest, see
    :func:`act_in_turn`.
    """
    endings = act_in_turn(wb, ids, work, options, check, hosts)
    return tell_ends(wb, endings, options, refused, hosts)


def act_in_turn(
    wb: Wb,
    ids: Sequence[str],
    work: Callable[[str, RunOptions], Result],
    options: RunOptions,
    check: Callable[[str], None] | None = None,
    hosts: Mapping[str, Wb] | None = None,
) -> list[Ended[Result]]:
    """Act on each instance, and show the progress. Give how each ended, in the order of ``ids``.

    With ``check``, all instances are checked before the first action. An instance that fails its
    check is left alone. ``hosts`` has the host of each instance; without it, all are on that of
    ``wb``.
    """
    with wb.console.tasks(len(ids), has_lines=False) as tasks:
        tells_ends = len(ids) > 1 and not options.dry_run
        progress = _Progress(wb.console, tasks, options.verb, hosts or {}, tells_ends=tells_ends)
        groups = group_by_host(ids, hosts or {}, wb)
        endings = run_on_hosts(groups, work, options, progress, check)
    return sorted(endings, key=lambda ended: ids.index(ended.instance))


def tell_ends(
    wb: Wb,
    endings: Sequence[Ended[Result]],
    options: RunOptions,
    refused: Sequence[RefusedEntry] = (),
    hosts: Mapping[str, Wb] | None = None,
) -> int:
    """Show how each instance ended, and return the exit code."""
    from wb_cli.lifecycle.batch import combine_exit_codes

    code: int = combine_exit_codes(endings)
    if wb.console.as_json:
        instances = [
            results.make_document(ended, _name_host(hosts or {}, ended.instance))
            for ended in endings
        ]
        wb.console.write_json({"instances": instances, "refused": make_documents(refused)})
        return name_refused(wb.console, refused, code)
    _show_each(wb.console, endings, options, hosts or {})
    for error in results.merge_errors(endings):
        wb.console.show_error(error)
    code = name_refused(wb.console, refused, code)
    if options.dry_run:
        wb.console.write_line(results.describe_planned(endings))
    elif len(endings) + len(refused) > 1:
        wb.console.write_line(results.describe_sum(endings, len(refused)))
    return code


def _name_host(hosts: Mapping[str, Wb], id_: str) -> str | None:
    return hosts[id_].host if id_ in hosts else None


def _show_each(
    console: Console,
    endings: Sequence[Ended[Result]],
    options: RunOptions,
    hosts: Mapping[str, Wb],
) -> None:
    """Show the plans of a dry run, or what there is to say besides how each instance ended."""
    if options.dry_run:
        for line in results.describe_plans(endings, with_steps=console.verbosity > 0):
            console.write_line(line)
        return
    for warning in results.list_warnings(endings):
        console.note(warning)
    is_alone = len(endings) == 1
    for ended in endings:
        if ended.result and (is_alone or console.verbosity) and not console.is_quiet:
            if ended.result.outcome.subnet:
                console.note(f"{ended.instance}: made the network {ended.result.outcome.subnet}")
            for line in results.describe_details(ended.result):
                console.write_line(f"{ended.instance}: {line}")
    if is_alone and endings[0].result:
        id_ = endings[0].instance
        said = results.describe_result(endings[0].result, _name_host(hosts, id_))
        console.write_line(f"{id_}: {said}")
