"""wb logs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import go_to
from wb_cli.cli.options import Id, Json, complete_part
from wb_cli.errors import UsageError

if TYPE_CHECKING:
    from wb_cli.cli.context import Wb
    from wb_cli.cli.show.log_text import LogWriter
    from wb_cli.contract import Part
    from wb_cli.observe.current_parts import Current
    from wb_cli.observe.logs.options import LogChoice


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(logs)


def logs(
    ctx: typer.Context,
    instance: Id,
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PART]...",
            help="postgres, valkey, wal, admin or platform; several at once. Without one, all.",
            autocompletion=complete_part,
            show_default=False,
        ),
    ] = None,
    more_parts: Annotated[
        list[str] | None, typer.Option("--part", help="The same as PART.", hidden=True)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more comes.")] = False,
    tail: Annotated[
        str | None,
        typer.Option(
            "--tail",
            "-n",
            "--lines",
            metavar="N",
            help="The last N lines of each part, or `all`. Without it, 100; "
            "with --since, --until or --grep, all that match.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="From then on: `10m` ago, `2h`, or an RFC 3339 time."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Up to then, in the same forms.")
    ] = None,
    timestamps: Annotated[
        bool, typer.Option("--timestamps", "-t", help="The time (UTC) before each line.")
    ] = False,
    grep: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Lines in which a regular expression is found; `(?i)` before it ignores case.",
        ),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Of the last container that ended badly, gone or not.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what containers of an instance wrote.

    Lines of several parts are put in the order of their time. --follow goes on with the new
    container when one is replaced or started again, and ends when the instance is stopped.
    --json gives an object for each line: time, part, stream, line.

    Examples:
        wb logs demo
        wb logs demo platform --follow
        wb logs demo postgres valkey --since 2h --timestamps
        wb logs demo --grep 'ERROR|FATAL' --tail 20
        wb logs demo --failed
    """
    from wb_cli.cli.show.log_text import LogStyle, LogWriter, is_coloured
    from wb_cli.observe.current_parts import find_containers
    from wb_cli.observe.logs.options import make_choice, read_parts

    wb = go_to(get_wb(ctx), instance)
    choice = make_choice(tail, since, until, grep, datetime.now(UTC))
    if follow and until:
        raise UsageError(
            "--follow and --until exclude each other", "Leave one of them out: --follow has no end."
        )
    wanted = read_parts(instance, [*(parts or ()), *(more_parts or ())])
    if failed:
        if follow or since or until or grep or as_json:
            raise UsageError(
                "--failed takes a part, --tail and --timestamps only",
                "Its log is a file that wb kept: `wb logs ID --failed | grep WORD` searches it.",
            )
        from wb_cli.cli.show.failed_logs import show_failed_log

        show_failed_log(wb, instance, wanted, choice.tail, has_times=timestamps)
        return
    current = find_containers(wb.engine, instance, wanted, lambda: wb.registry)
    style = LogStyle(
        wanted or _list_parts(current, follow=follow),
        has_times=timestamps,
        is_coloured=is_coloured(sys.stdout) and not as_json,
        is_json=as_json,
        pattern=choice.pattern,
    )
    writer = LogWriter(wb.console, style)
    if follow:
        _follow(wb, instance, current, choice, writer)
    else:
        _show(wb, instance, current, choice, writer)


def _list_parts(current: Current, *, follow: bool) -> tuple[Part, ...]:
    """List the parts that are shown if none is named. A part may be started while wb follows."""
    from wb_cli.contract import Part

    return tuple(Part) if follow else tuple(current)


def _show(wb: Wb, instance: str, current: Current, choice: LogChoice, writer: LogWriter) -> None:
    from wb_cli.cli.show.log_text import describe_nothing, tell
    from wb_cli.observe.logs.read import read_until_now
    from wb_cli.observe.status.part_report import describe_ending

    writer.write(read_until_now(wb.engine, current, choice, lambda *_: None))
    if not writer.count and choice.tail != 0:
        is_narrow = bool(choice.since or choice.until or choice.pattern)
        tell(wb.console, describe_nothing(list(current), instance, is_narrow=is_narrow))
    for container in current.values():
        if not container.is_running and (end := describe_ending(wb.engine, container)):
            tell(wb.console, end)


def _follow(wb: Wb, instance: str, current: Current, choice: LogChoice, writer: LogWriter) -> None:
    from wb_cli.cli.show.log_text import tell
    from wb_cli.cli.terminal import wait_until_reader_is_gone
    from wb_cli.observe.logs.follow import Follower, Watcher

    wb.stay_connected()
    watcher = Watcher(
        show=writer.write,
        tell=lambda text: tell(wb.console, text),
        is_being_changed=lambda: _is_being_changed(wb, instance),
        wait_until_gone=wait_until_reader_is_gone,
    )
    Follower(wb.engine, instance, writer.parts, choice, watcher).follow(current)


def _is_being_changed(wb: Wb, instance: str) -> bool:
    """Whether a command of wb works on the instance. If that is not known, one may."""
    from wb_cli.errors import EngineUnreachableError

    try:
        return wb.fleet.find_holder(instance) is not None
    except EngineUnreachableError:
        return True
