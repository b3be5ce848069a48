"""wb status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.options import Json, MaybeSelectors
from wb_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.cli.show.status_look import Look, Older
    from wb_cli.errors import WbError
    from wb_cli.instances.selectors import Selection
    from wb_cli.observe.status.hosts import Chosen
    from wb_cli.observe.status.instance_state import InstanceStatus
    from wb_cli.observe.status.survey import Survey
    from wb_cli.observe.status.watch import Watch
    from wb_cli.observe.status.watch_hosts import HostsWatch

Wide = Annotated[
    bool,
    typer.Option(
        "--wide", help="Add processor, memory, network, database, cache, certificate, backup."
    ),
]
Follow = Annotated[bool, typer.Option("--watch", help="Show changes as they happen, until Ctrl-C.")]
ByState = Annotated[
    bool, typer.Option("--exit-code", help="Exit by the worst state, for monitoring.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Write ids only, one a line.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(status)


def status(
    ctx: typer.Context,
    selectors: MaybeSelectors = None,
    wide: Wide = False,
    watch: Follow = False,
    exit_code: ByState = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Show the state of instances, one a line.

    One id shows the containers of that instance, too. All hosts are asked side by side. If an
    engine does not answer, its instances are unknown, and the exit code says so. With --exit-code:
    0 all run or are stopped, 5 one is starting or stopping, 4 degraded, 3 an entry is refused, 1
    broken or foreign, 6 unknown.

    Examples:
        wb status
        wb status demo
        wb status @field --wide
        wb status --watch
        wb status --exit-code -q
    """
    from wb_cli.errors import EngineUnreachableError
    from wb_cli.observe.status.instance_state import choose_exit_code

    _refuse_contradictions(wide=wide, watch=watch, exit_code=exit_code, quiet=quiet, json=as_json)
    from wb_cli.cli.show.status_answer import show
    from wb_cli.cli.show.status_look import group

    wb = get_wb(ctx)
    chosen = _choose(wb, selectors)
    groups = group(wb, chosen, everything=not selectors)
    if watch:
        from wb_cli.cli.show.watching import show_watch

        return show_watch(wb.console, _make_watch(wb, list(groups), selectors))
    problems: Sequence[WbError] = ()
    older: Older | None = None
    try:
        if quiet and not exit_code:
            return _list_ids(wb, groups, chosen, selectors)
        shown, problems, older = _look(wb, groups, chosen, selectors, wide=wide)
    except EngineUnreachableError as error:
        if wb.console.as_json and not (chosen.instances or chosen.refused):
            raise  # an empty list would say that there is none
        problems = (error,)
        shown = _describe_unknown(wb, chosen, error)
        shown = _add_more(wb, chosen, shown) if wide else shown
    if quiet:
        for instance in shown:
            wb.console.write_line(instance.id)
    else:
        words, is_lost = selectors or (), bool(problems)
        show(wb.console, shown, chosen.refused, words, older, wide=wide, is_lost=is_lost)
    if problems:
        for problem in () if wb.console.as_json else problems:
            wb.console.show_error(problem)
        return ExitCode.ENGINE_UNREACHABLE
    if exit_code:
        states = [instance.state for instance in shown]
        return choose_exit_code(states, has_refused=bool(chosen.refused))
    return _judge_refused(chosen)


def _refuse_contradictions(**given: bool) -> None:
    """Refuse options that exclude each other.

    Raises:
        UsageError: it names both.
    """
    from wb_cli.errors import UsageError

    hints = {
        ("watch", "json"): "Ask again for each document: `wb status --json`.",
        ("watch", "quiet"): "In a pipe, --watch writes a line for each change.",
        ("watch", "exit_code"): "A watch has no end of its own.",
        ("watch", "wide"): "It would ask the engine all the time. "
        "Use `FORCE_COLOR=1 watch -c wb status --wide`.",
        ("quiet", "json"): "--json has the ids, too.",
        ("quiet", "wide"): "--quiet writes ids only.",
    }
    for (one, other), hint in hints.items():
        if given[one] and given[other]:
            names = " and ".join(f"--{name.replace('_', '-')}" for name in (one, other))
            raise UsageError(f"{names} exclude each other", hint)


def _choose(wb: Wb, selectors: Sequence[str] | None) -> Selection:
    from wb_cli.instances.selectors import select, select_everything

    registry = wb.registry_file.read()
    return select(selectors, registry) if selectors else select_everything(registry)


def _survey(wb: Wb, chosen: Chosen, selectors: Sequence[str] | None) -> Survey:
    from wb_cli.observe.status.survey import Survey

    return Survey(wb.fleet, chosen.instances, orphans=not selectors, refused=chosen.refused)


def _look(
    wb: Wb,
    groups: Mapping[str | None, Chosen],
    chosen: Selection,
    selectors: Sequence[str] | None,
    *,
    wide: bool,
) -> Look:
    """Look at the instances. The errors are those of hosts that do not answer, if there are others.

    What an older tool left is ``None`` where instances are selected, or a host is unknown.

    Raises:
        EngineUnreachableError: this is the only engine, and it does not answer.
    """
    from wb_cli.cli.show.status_look import look
    from wb_cli.observe.status.look import look_at_all
    from wb_cli.observe.status.survey import DEADLINE_S

    is_one = [instance.id for instance in chosen.instances] == list(selectors or ())
    closely = wide or wb.console.as_json or is_one

    problems: Sequence[WbError] = ()
    older: Older | None
    if list(groups) == [None]:
        survey = _survey(wb, groups[None], selectors)
        shown = look_at_all(survey, closely=closely, measured=wide)
        older = None if selectors else {None: survey.find_older()}
    else:
        shown, problems, older = look(
            wb,
            groups,
            orphans=not selectors,
            finish=lambda _, survey: look_at_all(survey, closely=closely, measured=wide),
            within_s=2 * DEADLINE_S if wide else DEADLINE_S,
        )
    shown = _add_more(wb, chosen, shown) if wide else shown
    return shown, problems, older


def _describe_unknown(wb: Wb, chosen: Selection, error: WbError) -> list[InstanceStatus]:
    """Describe instances while their engine does not answer. In JSON, each says why itself."""
    from wb_cli.observe.status.hosts import Chosen
    from wb_cli.observe.status.look import describe_unknown

    if not wb.console.as_json:  # the error follows the table
        return describe_unknown(chosen.instances, chosen.refused)
    return list(Chosen(tuple(chosen.instances), tuple(chosen.refused)).describe_unknown(error))


def _add_more(wb: Wb, chosen: Selection, shown: list[InstanceStatus]) -> list[InstanceStatus]:
    """Add how long the certificates last, and how the backups stand. No engine is needed."""
    from wb_cli.observe.status.backups import add_backups
    from wb_cli.observe.status.certificates import add_certificates

    with_backups = add_backups(shown, wb.settings, wb.secrets, wb.chosen)
    return add_certificates(with_backups, chosen.instances, wb.settings)


def _list_ids(
    wb: Wb,
    groups: Mapping[str | None, Chosen],
    chosen: Selection,
    selectors: Sequence[str] | None,
) -> int:
    """Write the ids. No container is asked for its state.

    The engine tells only of instances that the registry file lacks, if no selector is given.
    """
    from wb_cli.cli.show.status_look import list_ids

    problems: Sequence[WbError] = ()
    if list(groups) == [None]:
        ids = _survey(wb, groups[None], selectors).ids
    else:
        ids, problems = list_ids(wb, groups, orphans=not selectors)
    for id_ in ids:
        wb.console.write_line(id_)
    for problem in problems:
        wb.console.show_error(problem)
    return ExitCode.ENGINE_UNREACHABLE if problems else _judge_refused(chosen)


def _judge_refused(chosen: Selection) -> int:
    if not chosen.refused:
        return ExitCode.OK
    return ExitCode.PARTIAL if chosen.instances else ExitCode.USAGE


def _make_watch(
    wb: Wb, hosts: Sequence[str | None], selectors: Sequence[str] | None
) -> Watch | HostsWatch:
    """Make the watch of one host, or of several."""
    from wb_cli.cli.show.status_look import group
    from wb_cli.instances.selectors import Selection
    from wb_cli.observe.status import watch
    from wb_cli.observe.status.watch_hosts import HostsWatch

    def make_reader(host: str | None) -> Callable[[], Selection]:
        def read() -> Selection:
            groups = group(wb, _choose(wb, selectors), everything=not selectors)
            there = groups.get(host)
            return Selection(there.instances, there.refused) if there else Selection()

        return read

    def make(host: Wb, chosen: watch.Chosen) -> Watch:
        host.stay_connected()
        return watch.Watch(lambda: host.fleet, chosen, orphans=not selectors)

    file = wb.registry_file.path
    chosen = {host: watch.Chosen(make_reader(host), file) for host in hosts}
    watches = {name: make(wb.at(name), each) for name, each in chosen.items()}
    if len(watches) == 1:
        (alone,) = watches.values()
        return alone
    return HostsWatch(watches, chosen)
