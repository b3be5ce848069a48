"""Act on instances in steps that are shown, and show how each ended: in a line, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from wb_cli.cli.console import make_error_document
from wb_cli.cli.hosts import group_by_host, run_on_hosts
from wb_cli.cli.show.refused import make_documents
from wb_cli.cli.show.results import FAILED, merge_errors
from wb_cli.cli.show.steps import Steps
from wb_cli.lifecycle.ended import ActionResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wb_cli.cli.console import Console
    from wb_cli.cli.context import Wb
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.lifecycle.options import RunOptions

T = TypeVar("T", bound=ActionResult)


def act_in_steps(
    wb: Wb,
    options: RunOptions,
    ids: Sequence[str],
    act: Callable[[str, RunOptions], T],
    hosts: Mapping[str, Wb] | None = None,
) -> list[Ended[T]]:
    """Do something for each instance under its lock; show how far each is, and how it ended.

    ``hosts`` has the host of each instance; without it, all are on that of ``wb``. The endings are
    in the order of ``ids``.
    """
    with wb.console.tasks(len(ids), has_lines=False) as tasks:
        steps = Steps[Any](wb.console, tasks, lambda result: (result.describe(),))
        endings = run_on_hosts(group_by_host(ids, hosts or {}, wb), act, options, steps)
    return sorted(endings, key=lambda ended: ids.index(ended.instance))


def show_endings(
    console: Console,
    endings: Sequence[Ended[Any]],
    refused: Sequence[RefusedEntry],
    more: Mapping[str, Any] | None = None,
) -> None:
    """Show the answer, the errors and the sum. ``more`` is what else ``--json`` answers."""
    if console.as_json:
        documents = [make_ending(ended) for ended in endings]
        answer = {"instances": documents, "refused": make_documents(refused), **(more or {})}
        console.write_json(answer)
        return
    for error in merge_errors(endings):
        console.show_error(error)
    if len(endings) + len(refused) > 1:
        console.write_line(describe_sum(endings, len(refused)))


def describe_sum(endings: Sequence[Ended[Any]], refused: int) -> str:
    """Describe all endings in one line: ``37 backed up, 1 failed: mali``."""
    taken = [ended.result.ending for ended in endings if ended.result]
    words = [f"{taken.count(ending)} {ending}" for ending in dict.fromkeys(taken)]
    words += [f"{refused} refused"] if refused else []
    failed = [ended.instance for ended in endings if ended.error]
    words += [f"{len(failed)} {FAILED}: {', '.join(failed)}"] if failed else []
    return ", ".join(words)


def make_ending(ended: Ended[Any]) -> dict[str, Any]:
    """Make the document of an ending for ``--json``."""
    document: dict[str, Any] = {"id": ended.instance, "exitCode": int(ended.exit_code)}
    if ended.result:
        document |= ended.result.as_document()
        return document
    error = make_error_document(ended.error) if ended.error else None
    return document | {"result": FAILED, "error": error}
