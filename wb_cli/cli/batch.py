"""Show an action on several instances: progress, results, errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wb_cli.cli.console import StateCell
from wb_cli.cli.refused import make_documents, name_refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wb_cli.cli.console import Console, Tasks
    from wb_cli.cli.context import Wb
    from wb_cli.errors import WbError
    from wb_cli.instances.refused import RefusedEntry
    from wb_cli.lifecycle.actions import Result
    from wb_cli.lifecycle.batch import Ended
    from wb_cli.lifecycle.options import RunOptions

NAMES_SHOWN = 5
FAILED = "failed"


class _Progress:
    """Shows progress, one line for each instance. With several instances it also shows each end."""

    def __init__(self, console: Console, tasks: Tasks, *, are_several: bool) -> None:
        self._console, self._tasks, self._are_several = console, tasks, are_several

    def update(self, instance: str, text: str) -> None:
        """Show a step that begins."""
        self._tasks.update(instance, text)

    def finish(self, ended: Ended[Result]) -> None:
        """Show that the action on an instance has ended."""
        if not self._are_several or ended.is_interrupted:
            return
        if ended.error:
            self._tasks.finish(ended.instance, ended.error.headline, ok=False)
        elif ended.result:
            self._tasks.finish(ended.instance, describe_result(ended.result))

    def answer(self, text: str) -> None:
        """Answer a further signal."""
        self._console.note(text)


def act_on_each(
    wb: Wb,
    ids: Sequence[str],
    work: Callable[[str, RunOptions], Result],
    options: RunOptions,
    check: Callable[[str], None] | None = None,
    refused: Sequence[RefusedEntry] = (),
) -> int:
    """Act on each instance, show the progress and the results, and return the exit code.

    With ``check``, all instances are checked before the first action. An instance that fails its
    check is left alone. ``refused`` are the selected entries that are refused; they are named.
    """
    from wb_cli.lifecycle.batch import Batch, combine_exit_codes

    with wb.console.tasks(len(ids)) as tasks:
        progress = _Progress(wb.console, tasks, are_several=len(ids) > 1)
        endings = Batch(wb.fleet, options, work, progress).run(ids, check)
    _summarise(wb.console, endings, options, refused)
    return name_refused(wb.console, refused, combine_exit_codes(endings))


def describe_result(result: Result) -> str:
    """Describe the result for an instance in one line."""
    from wb_cli.lifecycle.actions import Ending

    url = f": {result.url}" if result.url else ""
    took = f" ({result.seconds:.1f} s)"
    match result.ending:
        case Ending.PLANNED:
            return result.ending
        case Ending.NOT_RUNNING:
            return "was not running"
        case Ending.UNCHANGED:
            return f"{result.ending}{url}"
        case _:
            return f"{result.ending}{url}{took}"


def _summarise(
    console: Console,
    endings: Sequence[Ended[Result]],
    options: RunOptions,
    refused: Sequence[RefusedEntry],
) -> None:
    if console.as_json:
        instances = [_make_document(ended) for ended in endings]
        console.write_json({"instances": instances, "refused": make_documents(refused)})
        return
    for ended in endings:
        if ended.result and options.dry_run:
            console.write_line(f"{ended.instance}\n{_indent(str(ended.result.plan))}")
        if ended.result and ended.result.outcome.subnet:
            console.note(f"{ended.instance}: made the network {ended.result.outcome.subnet}")
        for warning in _list_warnings(ended):
            console.note(f"{ended.instance}: warning: {warning}")
        for line in _describe_details(ended, options):
            console.write_line(f"{ended.instance}: {line}")
    rows = [(ended.instance, _make_result_cell(ended)) for ended in endings]
    acted_on = {ended.instance for ended in endings}
    rows += [
        (entry.title, StateCell("refused")) for entry in refused if entry.title not in acted_on
    ]
    if len(rows) > 1 and not options.dry_run:
        console.show_table(("INSTANCE", "RESULT"), rows)
    elif not options.dry_run and endings[0].result:
        console.write_line(f"{endings[0].instance}: {_describe_ending(endings[0])}")
    for error in _merge_errors(endings):
        console.show_error(error)


def _merge_errors(endings: Sequence[Ended[Result]]) -> Iterator[WbError]:
    """Merge equal errors, and add the instances that the message does not name."""
    same: dict[tuple[str, str], tuple[WbError, list[str]]] = {}
    for ended in endings:
        if error := ended.error:
            same.setdefault((error.message, error.hint), (error, []))[1].append(ended.instance)
    for error, instances in same.values():
        unnamed = [
            instance for instance in instances if not re.search(rf"\b{instance}\b", error.message)
        ]
        if unnamed and len(endings) > 1:
            error.message = f"{shorten_list(unnamed)}: {error.message}"
        yield error


def shorten_list(names: Sequence[str]) -> str:
    """List the first few names, and say how many more there are."""
    others = len(names) - NAMES_SHOWN
    shown = ", ".join(names[:NAMES_SHOWN])
    return f"{shown} and {others} more" if others > 0 else shown


def _make_result_cell(ended: Ended[Result]) -> StateCell:
    return StateCell(ended.result.ending if ended.result else FAILED, _describe_ending(ended))


def _describe_ending(ended: Ended[Result]) -> str:
    if ended.result:
        return describe_result(ended.result)
    return f"{FAILED}: {ended.error.headline}" if ended.error else ""


def _describe_details(ended: Ended[Result], options: RunOptions) -> list[str]:
    """Describe what was changed and why, and how the cache was filled."""
    if not ended.result or options.dry_run:
        return []
    warm_up = ended.result.warm_up
    return [*ended.result.plan.reasons, *([f"cache: {warm_up}"] if warm_up else [])]


def _list_warnings(ended: Ended[Result]) -> list[str]:
    if not ended.result:
        return []
    drift = [
        f"{difference}; `wb restart {ended.instance}` applies it"
        for difference in ended.result.plan.drift
    ]
    return [*ended.result.outcome.degraded, *ended.result.outcome.killed, *drift]


def _make_document(ended: Ended[Result]) -> dict[str, Any]:
    from wb_cli.cli.console import make_error_document

    document: dict[str, Any] = {"id": ended.instance, "exitCode": int(ended.exit_code)}
    if ended.result:
        result = ended.result
        document |= {
            "result": result.ending,
            "url": result.url or None,
            "seconds": round(result.seconds, 3),
            "degraded": result.outcome.degraded,
            "killed": result.outcome.killed,
            "network": result.outcome.subnet or None,
            "plan": result.plan.as_document(),
            "warmUp": result.warm_up.as_document() if result.warm_up else None,
        }
    if ended.error:
        document |= {"result": FAILED, "error": make_error_document(ended.error)}
    return document


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
