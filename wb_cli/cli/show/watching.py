"""Show a watch: the whole screen of a terminal, or a line for each change elsewhere."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wb_cli.cli import streams
from wb_cli.cli.console import has_colours, make_rich
from wb_cli.cli.show.status_view import choose_columns, fit_height, make_fleet_rows, summarise
from wb_cli.cli.show.tables import cut, lay_out
from wb_cli.errors import ExitCode
from wb_cli.lifecycle.guard.interrupts import SignalExit
from wb_cli.observe.status.watch import describe_changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.cli.console import Console
    from wb_cli.observe.status.watch import View, Watch
    from wb_cli.observe.status.watch_hosts import HostsWatch

RED = "\x1b[31;1m{}\x1b[0m"


def show_watch(console: Console, watch: Watch | HostsWatch) -> int:
    """Show a watch until it is interrupted. Ctrl-C is the way to end it, so it is no failure."""
    is_screen = sys.stdout.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}
    try:
        if is_screen:
            _fill_screen(watch)
        else:
            _write_changes(console, watch)
    except SignalExit as end:
        if end.exit_code is not ExitCode.INTERRUPTED:
            raise
    finally:
        watch.stop()
    return ExitCode.OK


def _write_changes(console: Console, watch: Watch | HostsWatch) -> None:
    from wb_cli.cli.terminal import wait_until_reader_is_gone

    def end_without_reader() -> None:
        wait_until_reader_is_gone()
        watch.stop()

    threading.Thread(target=end_without_reader, daemon=True).start()
    last: View | None = None
    for view in watch.give_views():
        for change in describe_changes(last, view):
            console.write_line(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {change}")
        last = view
        if console.find_write_error():
            return


def _fill_screen(watch: Watch | HostsWatch) -> None:
    from rich.live import Live
    from rich.text import Text

    rich = make_rich(stderr=False)
    with Live(console=rich, screen=True, auto_refresh=False) as live, _waking_at_resize(watch):
        for view in watch.give_views():
            columns, lines = rich.size
            shown = draw(view, columns, lines, with_colour=has_colours(sys.stdout))
            text = Text.from_ansi("\n".join(shown), no_wrap=True, overflow="crop")
            live.update(text, refresh=True)
            if streams.find_write_error(sys.stdout):
                return


@contextmanager
def _waking_at_resize(watch: Watch | HostsWatch) -> Iterator[None]:
    before = signal.signal(signal.SIGWINCH, lambda *_: watch.wake())
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def draw(view: View, columns: int, lines: int, *, with_colour: bool) -> list[str]:
    """Draw a view in so many columns and lines. Where the instances are too many, show the worst.

    The first line sums them all up.
    """
    head = [cut(f"{time.strftime('%H:%M:%S')}  {summarise(view.statuses)}", columns)]
    if view.problem:
        lead = "engine lost, trying again: " if view.is_lost else "registry file: "
        problem = cut(f"{lead}{view.problem.headline}", columns)
        head.append(RED.format(problem) if with_colour else problem)
    room = lines - len(head) - 1  # and the headings
    is_whole = len(view.statuses) <= room
    shown = fit_height(view.statuses, room if is_whole else room - 1)
    rows = make_fleet_rows(shown)
    table = lay_out(choose_columns(shown), rows, width=columns, with_colour=with_colour)
    left = len(view.statuses) - len(shown)
    more = [] if is_whole else [cut(f"… and {left} more, none of them worse", columns)]
    return [*head, *table, *more][:lines]
