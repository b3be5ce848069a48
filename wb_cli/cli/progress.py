"""Progress on a terminal: what is being worked on, and how much is done. Never taller than it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, RenderableType
    from rich.progress import TaskID

LINES_BESIDE = 2  # the counter, and the one that the cursor stands in


class LiveTasks:
    """A line for each of ``count`` jobs while it is worked on; below them, a counter."""

    def __init__(self, console: Console, count: int) -> None:
        self._board = Board(console, count)
        self._ids: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._board.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._board.stop()

    def update(self, key: str, text: str, done: float = 0, total: float | None = None) -> None:
        """Move the line of ``key``; bytes are counted though nobody knows how many will come."""
        if key not in self._ids:
            self._ids[key] = self._board.add_task("", total=None, key=key, size=False)
        sized = bool(done) or total is not None
        self._board.update(
            self._ids[key], description=text, completed=done, total=total, size=sized
        )

    def finish(self, key: str, text: str, *, ok: bool = True) -> None:
        """Take the line of ``key`` away; the answer says how it ended."""
        del text
        if key in self._ids:
            self._board.remove_task(self._ids.pop(key))
        self._board.count(ok=ok)


class Board(Progress):
    """Key, spinner or bar, and text of each job. As many as fit; sizes where they are known."""

    def __init__(self, console: Console, count: int) -> None:
        self._count, self._done, self._failed = count, 0, 0
        self._screen = console
        self._began = time.monotonic()
        super().__init__(
            SpinnerColumn(),
            # Where the terminal is narrow the text gives way, not the names and the numbers.
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
        )

    def count(self, *, ok: bool) -> None:
        """One more is done."""
        self._done += 1
        self._failed += not ok

    def get_renderables(self) -> Iterable[RenderableType]:
        """The jobs, and the counter where there are several."""
        room = max(1, self._screen.height - LINES_BESIDE)
        yield self.make_tasks_table(self.tasks[:room])
        if self._count > 1:
            yield Text(self._counter(hidden=len(self.tasks) - room), style="dim")

    def _counter(self, hidden: int) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        words = [f"{self._done}/{self._count}"]
        words += [f"{self._failed} failed"] if self._failed else []
        words += [f"{hidden} more at work"] if hidden > 0 else []
        return "  ".join([*words, f"{minutes}:{seconds:02}"])


class _WhenSized(TextColumn):
    """Columns that make sense for bytes alone."""

    def __init__(self) -> None:
        super().__init__("")
        self._columns = (
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )

    def render(self, task: Any) -> Any:
        if not task.fields["size"]:
            return Text("")
        grid = Table.grid(padding=(0, 1))
        grid.add_row(*(column(task) for column in self._columns))
        return grid
