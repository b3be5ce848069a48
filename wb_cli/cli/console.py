"""The only printer: data to stdout, talk to stderr, tables, progress, JSON, questions."""

from __future__ import annotations

import json
import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from wb_cli.errors import UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console as RichConsole
    from rich.progress import Progress, TaskID


class Tasks(Protocol):
    """Work in progress, one line for each key."""

    def update(self, key: str, text: str, done: float = 0, total: float | None = None) -> None:
        """Say what ``key`` is doing; with ``total`` (bytes) as a bar."""

    def finish(self, key: str, text: str, *, ok: bool = True) -> None:
        """Say how ``key`` ended."""


class AnswerError(OSError):
    """The answer cannot be written, as where a disk is full."""


class Console:
    """Where everything that a person or a script reads is written.

    ``as_json`` makes errors and results JSON; ``verbose`` adds tracebacks.
    """

    def __init__(self) -> None:
        self.as_json = False
        self.verbose = False

    def line(self, text: str = "") -> None:
        """Write a line of the answer."""
        with _writing():
            sys.stdout.write(text + "\n")

    def note(self, text: str) -> None:
        """Write a line of talk, which is no part of the answer."""
        sys.stderr.write(text + "\n")

    def json(self, value: Any) -> None:
        """Write the answer as one JSON document."""
        self.line(json.dumps(value, indent=2, ensure_ascii=False))

    def raw(self, data: bytes) -> None:
        """Write bytes of the answer as they are."""
        with _writing():
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

    def stream(self, data: bytes) -> None:
        """Write bytes that are of use only if all of them arrive.

        Raises:
            WbError: their reader went away.
        """
        try:
            self.raw(data)
        except BrokenPipeError:
            # What is left unwritten would be tried again at the interpreter's exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise WbError("whoever reads the answer went away before its end") from None

    def raw_talk(self, data: bytes) -> None:
        """Write bytes of talk as they are."""
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows as aligned columns, in whole lines where stdout is not a terminal."""
        if sys.stdout.isatty():
            self._rich_table(headings, rows)
            return
        cells = [tuple(headings), *(tuple(row) for row in rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
        for row in cells:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.line("  ".join(padded).rstrip())

    def _rich_table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell, style=_style(cell)) for cell in row))
        _rich(stderr=False).print(table)

    def failure(self, error: WbError) -> None:
        """Write an error and what to do next."""
        if self.verbose:
            traceback.print_exception(error, file=sys.stderr)
        if self.as_json:
            self.json({"error": error_document(error)})
            return
        self.note(f"{_paint('error:', '31;1')} {error.message}")
        if error.hint:
            self.note(f"{_paint('hint:', '36')} {error.hint}")

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something that cannot be undone; ``yes`` answers for the user.

        Raises:
            UsageError: the answer was no, or there is nobody to ask.
        """
        if yes:
            return
        if not sys.stdin.isatty():
            raise UsageError(f"{question} Nobody is here to answer.", "Add --yes to go on.")
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise UsageError("Not confirmed; nothing was changed.")

    @contextmanager
    def tasks(self) -> Iterator[Tasks]:
        """Show work in progress: live lines on a terminal, plain lines elsewhere."""
        if not sys.stderr.isatty():
            yield PlainTasks(self)
            return
        with _progress() as progress:
            yield LiveTasks(progress)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise AnswerError(error.errno, error.strerror) from error


class PlainTasks:
    """Progress for pipes and logs: a line whenever what is done changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: dict[str, str] = {}

    def update(self, key: str, text: str, done: float = 0, total: float | None = None) -> None:
        """Write the text once, however often its numbers move."""
        del done, total
        if self._last.get(key) != text:
            self._last[key] = text
            self._console.note(f"{key}: {text}")

    def finish(self, key: str, text: str, *, ok: bool = True) -> None:
        """Write how it ended."""
        self._console.note(f"{key}: {text}" if ok else f"{key}: FAILED: {text}")


class LiveTasks:
    """Progress for a terminal: a line that moves for each key."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._ids: dict[str, TaskID] = {}

    def _id(self, key: str) -> TaskID:
        if key not in self._ids:
            self._ids[key] = self._progress.add_task(
                "", total=None, key=key, size=False, failed=False
            )
        return self._ids[key]

    def update(self, key: str, text: str, done: float = 0, total: float | None = None) -> None:
        """Move the line of ``key``; bytes are counted though nobody knows how many will come."""
        sized = bool(done) or total is not None
        self._progress.update(
            self._id(key), description=text, completed=done, total=total, size=sized
        )

    def finish(self, key: str, text: str, *, ok: bool = True) -> None:
        """Freeze the line of ``key``."""
        fields = {"size": False, "failed": not ok}
        self._progress.update(
            self._id(key), description=text, completed=1, total=1, refresh=True, **fields
        )


def _progress() -> Progress:
    """Key, spinner or bar, and text; sizes and time left where a total is known."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.table import Column

    class Words(TextColumn):
        """What is being done, or how it ended: as it is, whatever brackets it holds."""

        def render(self, task: Any) -> Any:
            words = super().render(task)
            words.stylize("red" if task.fields["failed"] else "")
            return words

    class WhenSized(TextColumn):
        """Columns that make sense for bytes alone."""

        def __init__(self, *columns: Any) -> None:
            super().__init__("")
            self._columns = columns

        def render(self, task: Any) -> Any:
            from rich.table import Table
            from rich.text import Text

            if not task.fields["size"]:
                return Text("")
            grid = Table.grid(padding=(0, 1))
            grid.add_row(*(column(task) for column in self._columns))
            return grid

    sized = WhenSized(
        BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    )
    return Progress(
        SpinnerColumn(finished_text="·"),
        # Where the terminal is narrow the text gives way, not the names and the numbers.
        TextColumn(
            "{task.fields[key]}", style="bold", markup=False, table_column=Column(no_wrap=True)
        ),
        sized,
        Words("{task.description}", markup=False, table_column=Column(overflow="ellipsis")),
        console=_rich(stderr=True),
        transient=True,
    )


def _rich(*, stderr: bool) -> RichConsole:
    from rich.console import Console as RichConsole

    return RichConsole(stderr=stderr, highlight=False)


_STYLES = {
    "healthy": "green",
    "running": "green",
    "ready": "green",
    "ok": "green",
    "created": "cyan",
    "stopped": "dim",
    "degraded": "yellow",
    "starting": "yellow",
    "foreign": "yellow",
    "exited": "red",
    "failed": "red",
    "unhealthy": "red",
    "unknown": "red",
}


def _style(cell: str) -> str:
    word = cell.split(" ", 1)[0].rstrip(":,")
    return _STYLES.get(word, "")


def _paint(text: str, code: str) -> str:
    is_plain = "NO_COLOR" in os.environ or not sys.stderr.isatty()
    return text if is_plain else f"\x1b[{code}m{text}\x1b[0m"


def error_document(error: WbError) -> dict[str, Any]:
    """An error as JSON."""
    return {
        "kind": type(error).__name__.removesuffix("Error"),
        "message": error.message,
        "hint": error.hint,
        "exitCode": int(error.exit_code),
    }
