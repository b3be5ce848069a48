"""Show progress on a terminal: the jobs at work, and how much is done. It fits the terminal."""

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

LINES_BESIDE = 2  # the line of the counter, and the line of the cursor


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
        """Update the line of a job. Bytes are shown even if their total is not known."""
        if key not in self._ids:
            self._ids[key] = self._board.add_task("", total=None, key=key, size=False)
        sized = bool(done) or total is not None
        self._board.update(
            self._ids[key], description=text, completed=done, total=total, size=sized
        )

    def finish(self, key: str, text: str, *, ok: bool = True) -> None:
        """Remove the line of a job. The answer says how the job ended."""
        del text
        if key in self._ids:
            self._board.remove_task(self._ids.pop(key))
        self._board.count(ok=ok)


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


class _WhenSized(TextColumn):
    """The columns that are shown only for bytes."""

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
