"""Show progress on a terminal: the jobs at work, and how much is done. It fits the terminal."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self, TextIO

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, RenderableType
    from rich.progress import Task, TaskID

DRAWN_AGAIN_S = 0.1
LINES_BESIDE = 2  # the line of the counter, and the line of the cursor


class LiveTasks:
    """A line for each of ``count`` jobs while it is worked on; below them, a counter.

    Rich first computes how far the cursor has to move, and writes later. If another thread wrote in
    between, a line above the board would be lost. So whatever writes holds one lock until it has
    written: the jobs, the lines above the board, and the clock that draws the board anew.
    """

    def __init__(self, console: Console, count: int) -> None:
        self._board = Board(console, count)
        self._ids: dict[str, TaskID] = {}
        self._lock = threading.RLock()
        self._is_over = threading.Event()
        self._clock = threading.Thread(target=self._draw_again_and_again, daemon=True)

    def __enter__(self) -> Self:
        self._board.start()
        self._streams = sys.stdout, sys.stderr
        guarded: Any = [OneAtATime(stream, self._lock) for stream in self._streams]
        sys.stdout, sys.stderr = guarded
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._clock.join()
        sys.stdout, sys.stderr = self._streams
        self._board.stop()

    def _draw_again_and_again(self) -> None:
        while not self._is_over.wait(DRAWN_AGAIN_S):
            with self._lock:
                self._board.refresh()

    def update(self, key: str, text: str, done: float = 0, total: float | None = None) -> None:
        """Update the line of a job. Bytes are shown even if their total is not known."""
        sized = bool(done) or total is not None
        with self._lock:
            if key not in self._ids:
                self._ids[key] = self._board.add_task("", total=None, key=key, size=False)
            self._board.update(
                self._ids[key], description=text, completed=done, total=total, size=sized
            )

    def finish(self, key: str, text: str, *, ok: bool = True) -> None:
        """Remove the line of a job. The answer says how the job ended."""
        del text
        with self._lock:
            if key in self._ids:
                self._board.remove_task(self._ids.pop(key))
            self._board.count(ok=ok)


class OneAtATime:
    """A stream to which several threads write; each write ends before the next begins."""

    def __init__(self, stream: TextIO, lock: threading.RLock) -> None:
        self._stream, self._lock = stream, lock

    def write(self, text: str) -> int:
        """Write text."""
        with self._lock:
            return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Board(Progress):
    """Shows key, spinner or bar, and text of as many jobs as fit."""

    def __init__(self, console: Console, count: int) -> None:
        self._count, self._done, self._failed = count, 0, 0
        self._screen = console
        self._began = time.monotonic()
        super().__init__(
            SpinnerColumn(),
            # On a narrow terminal the text is cut; the names and the numbers are not.
            TextColumn(
                "{task.fields[key]}",
                style="bold",
                markup=False,
                table_column=Column(no_wrap=True),
            ),
            _WhenSized(),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis"),
            ),
            console=console,
            transient=True,
            auto_refresh=False,
            # A line that is written meanwhile stands above the board. An answer that does not go to
            # the terminal goes its own way.
            redirect_stdout=sys.stdout.isatty(),
        )

    def count(self, *, ok: bool) -> None:
        """Count a job that has ended."""
        self._done += 1
        self._failed += not ok

    def get_renderables(self) -> Iterable[RenderableType]:
        """Render the jobs, and the counter if there are several jobs."""
        room = max(1, self._screen.height - LINES_BESIDE)
        yield self.make_tasks_table(self.tasks[:room])
        if self._count > 1:
            yield Text(self._describe_count(hidden=len(self.tasks) - room), style="dim")

    def _describe_count(self, hidden: int) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        words = [f"{self._done}/{self._count}"]
        words += [f"{self._failed} failed"] if self._failed else []
        words += [f"{hidden} more at work"] if hidden > 0 else []
        return "  ".join([*words, f"{minutes}:{seconds:02}"])


class _Speed(ProgressColumn):
    """The bytes in a second. Rich's own column counts in thousands."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{describe_size(task.speed)}/s", "cyan")


class _WhenSized(TextColumn):
    """The columns that are shown only for bytes."""

    def __init__(self) -> None:
        super().__init__("")
        self._columns = (
            BarColumn(bar_width=24),
            DownloadColumn(binary_units=True),
            _Speed(),
            TimeRemainingColumn(),
        )

    def render(self, task: Any) -> Any:
        if not task.fields["size"]:
            return Text("")
        grid = Table.grid(padding=(0, 1))
        grid.add_row(*(column(task) for column in self._columns))
        return grid
