"""wb config diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.commands.declaring.texts import examples
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import ask_each, list_hosts, locate
from wb_cli.cli.options import Json, complete_selector
from wb_cli.cli.show import results
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.errors import ExitCode, WbError
from wb_cli.quantities import shorten_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.engine.types import Observed
    from wb_cli.instances.model import Instance
    from wb_cli.instances.selectors import Selection
    from wb_cli.lifecycle.actions import Result
    from wb_cli.lifecycle.ended import Ended

    Endings = Sequence[Ended[Result]]


def add_to(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command(
        epilog=examples(
            "wb config diff", "wb config diff @field", "wb config diff --exit-code || wb run all"
        )
    )(diff)


MaybeSelectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR]...",
        help="Instances: an id, `@tag`, `server=<version>`, `on=<host>`, `all`; without one, all.",
        autocompletion=complete_selector,
        show_default=False,
    ),
]


def diff(
    ctx: typer.Context,
    selectors: MaybeSelectors = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 8 if something would change.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Show what `wb run` would change.

    It looks at the instances that run now, and changes nothing. Instances that do not run are only
    counted. Drift, which `wb restart` applies, is shown too, and does not count as a change.
    """
    del as_json
    from wb_cli.instances.selectors import select_everything
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.lifecycle.guard.declared import find_undeclared

    wb = get_wb(ctx)
    selection = wb.select(selectors) if selectors else select_everything(wb.registry)
    hosts = locate(wb, selection.instances)
    named = dict.fromkeys(host.host for host in hosts.values())
    endings: list[Ended[Result]] = []
    idle: list[str] = []
    undeclared: list[str] = []
    for name, observed in _observe(wb, list(named if selectors else list_hosts(wb))).items():
        ours = [each for each in selection.instances if hosts[each.id].host == name]
        if isinstance(observed, WbError):
            endings += [Ended(instance.id, error=observed) for instance in ours]
            continue
        present = {container.instance for container in observed.containers}
        idle += [each.id for each in ours if each.id not in present]
        endings += _plan(wb.at(name), [each for each in ours if each.id in present], observed)
        if not selectors:
            undeclared += find_undeclared(wb.registry, observed, wb.settings)
    if wb.console.as_json:
        wb.console.write_json(_make_document(endings, selection, idle, undeclared))
    else:
        _show(wb, endings, idle, undeclared)
    code = name_refused(wb.console, selection.refused, _judge(endings))
    differs = undeclared or any(each.result and not each.result.plan.is_empty for each in endings)
    return ExitCode.DIFFERS if exit_code and differs and code == ExitCode.OK else code


def _observe(wb: Wb, names: list[str | None]) -> Mapping[str | None, Observed | WbError]:
    """List what each host has. If there is one alone, its error is that of the command."""
    if len(names) == 1:
        return {names[0]: wb.at(names[0]).engine.observe()}
    return ask_each(wb, names, lambda host: host.engine.observe(), wb.settings.host_timeout)


def _plan(wb: Wb, chosen: Sequence[Instance], observed: Observed) -> Endings:
    from wb_cli.lifecycle import actions
    from wb_cli.lifecycle.batch import Batch
    from wb_cli.lifecycle.execute import Outcome
    from wb_cli.lifecycle.options import RunOptions, Verb

    instances = {instance.id: instance for instance in chosen}
    batch = Batch(
        wb.fleet,
        RunOptions(Verb.RUN, dry_run=True),
        lambda id_, _: actions.Result(
            actions.Ending.PLANNED,
            actions.plan_changes(wb.fleet, instances[id_], observed),
            Outcome(),
            0,
        ),
        _Silence(),
    )
    return batch.run([*instances])


def _judge(endings: Endings) -> int:
    from wb_cli.lifecycle.batch import combine_exit_codes

    return combine_exit_codes(endings) if endings else ExitCode.OK


def _show(wb: Wb, endings: Endings, idle: Sequence[str], undeclared: Sequence[str]) -> None:
    changed = [each for each in endings if each.result and _has_news(each.result)]
    for line in results.describe_plans(changed, with_steps=wb.console.verbosity > 0):
        wb.console.write_line(line)
    for id_ in undeclared:
        wb.console.write_line(f"{id_}  - is no longer declared; `wb stop {id_}` stops it")
    for error in results.merge_errors(endings):
        wb.console.show_error(error)
    if idle:
        wb.console.note(f"not running: {shorten_list(idle)}")
    wb.console.write_line(results.describe_planned(endings))


def _has_news(result: Result) -> bool:
    return not result.plan.is_empty or bool(result.plan.drift)


def _make_document(
    endings: Endings, selection: Selection, idle: list[str], undeclared: list[str]
) -> dict[str, Any]:
    hosts = {instance.id: instance.host for instance in selection.instances}
    return {
        "instances": [results.make_document(ended, hosts.get(ended.instance)) for ended in endings],
        "refused": make_documents(selection.refused),
        "notRunning": idle,
        "undeclared": undeclared,
    }


class _Silence:
    """Shows no progress: looking takes a moment."""

    def begin(self, instance: str, reasons: Sequence[str]) -> None:
        """Show nothing."""

    def update(self, instance: str, text: str) -> None:
        """Show nothing."""

    def tell(self, instance: str, text: str) -> None:
        """Show nothing."""

    def finish(self, ended: Ended[Any]) -> None:
        """Show nothing."""

    def answer(self, text: str) -> None:
        """Show nothing."""
