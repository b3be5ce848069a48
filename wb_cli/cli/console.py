"""Print: answers to stdout, notes to stderr, tables, progress, JSON, questions."""

from __future__ import annotations

import json
import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO

from wb_cli.cli import streams
from wb_cli.errors import UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console as RichConsole


NOT_CONFIRMED = "Not confirmed; nothing was changed."


class Tasks(Protocol):
    """Shows the progress of jobs, one line for each key."""

    def update(self, key: str, text: str, done: float = 0, total: float | None = None) -> None:
        """Show the step of a job. With ``total`` (bytes) a bar is shown."""

    def finish(self, key: str, text: str, *, ok: bool = True) -> None:
        """Show how a job ended."""


class StateCell(NamedTuple):
    """A cell of a table with the colour of a state. ``text`` is shown instead of the state."""

    state: str
    text: str = ""

    def __str__(self) -> str:
        return self.text or str(self.state)


Cell = str | StateCell


class ReaderGoneError(Exception):
    """The reader of a stream of bytes has gone, or has no room for more."""


class Console:
    """Writes everything that a person or a script reads.

    ``as_json`` makes errors and results JSON; ``verbose`` adds tracebacks.
    """

    def __init__(self) -> None:
        self.as_json = False
        self.verbose = False

    def write_line(self, text: str = "") -> None:
        """Write a line of the answer."""
        sys.stdout.write(text + "\n")

    def note(self, text: str) -> None:
        """Write a line to stderr that is not a part of the answer."""
        sys.stderr.write(text + "\n")

    def write_json(self, value: Any) -> None:
        """Write the answer as one JSON document."""
        self.write_line(json.dumps(value, indent=2, ensure_ascii=not _is_unicode(sys.stdout)))

    def write_bytes(self, data: bytes) -> None:
        """Write bytes of the answer unchanged.

        Raises:
            ReaderGoneError: the bytes did not arrive, so the caller can stop.
        """
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        if streams.find_write_error(sys.stdout):
            raise ReaderGoneError

    def find_write_error(self) -> OSError | None:
        """Find the error that kept a part of the answer from arriving. Call it at the end."""
        sys.stdout.flush()
        return streams.find_write_error(sys.stdout)

    def stream_bytes(self, data: bytes) -> None:
        """Write bytes of an answer that is useless if a part is missing.

        Raises:
            WbError: the reader has gone.
        """
        try:
            self.write_bytes(data)
        except ReaderGoneError:
            if not isinstance(self.find_write_error(), BrokenPipeError):
                raise  # the error is shown at the end of the work
            raise WbError("whoever reads the answer went away before its end") from None

    def write_talk_bytes(self, data: bytes) -> None:
        """Write bytes to stderr unchanged."""
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()

    def show_table(self, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Write rows as aligned columns. Lines are not cut where stdout is not a terminal.

        On a terminal a ``StateCell`` has the colour of its state. Other cells have none.
        """
        if sys.stdout.isatty():
            self._rich_table(headings, rows)
            return
        cells = [tuple(headings), *(tuple(map(str, row)) for row in rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
        for row in cells:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.write_line("  ".join(padded).rstrip())

    def _rich_table(self, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*(Text(str(cell), style=_choose_style(cell)) for cell in row))
        rich = _make_rich(stderr=False)
        with rich.capture() as shown:
            rich.print(table)
        sys.stdout.write(shown.get())

    def show_error(self, error: WbError) -> None:
        """Write an error and what to do next."""
        if self.verbose:
            traceback.print_exception(error, file=sys.stderr)
        if self.as_json:
            self.write_json({"error": make_error_document(error)})
            return
        self.note(f"{_paint('error:', '31;1')} {error.overview or error.message}")
        for detail in error.details:
            self.note(f"  {detail}")
        if error.hint and not error.details:
            self.note(f"{_paint('hint:', '36')} {error.hint}")

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before an action that cannot be undone. With ``yes`` the question is skipped.

        Raises:
            UsageError: the answer was no, or there is no terminal to ask on.
        """
        if not yes and self._ask(f"{question} [y/N]", question).lower() not in {"y", "yes"}:
            raise UsageError(NOT_CONFIRMED)

    def confirm_by_typing(self, word: str, question: str) -> None:
        """Ask the user to type a word before data is lost.

        Raises:
            UsageError: the user typed something else, or there is no terminal to ask on.
        """
        if self._ask(f"{question} Type {word} to go on:", question) != word:
            raise UsageError(NOT_CONFIRMED)

    def _ask(self, prompt: str, question: str) -> str:
        if sys.stdin and sys.stdin.isatty():
            sys.stderr.write(f"{prompt} ")
            sys.stderr.flush()
        if not (sys.stdin and sys.stdin.isatty()) or streams.find_write_error(sys.stderr):
            raise UsageError(
                f"not confirmed, as there is no terminal to ask on: {question}",
                "Add --yes to go on.",
            )
        return sys.stdin.readline().strip()

    @contextmanager
    def tasks(self, count: int = 1) -> Iterator[Tasks]:
        """Show ``count`` jobs in progress: live lines on a terminal, plain lines elsewhere."""
        if not sys.stderr.isatty():
            yield PlainTasks(self)
            return
        from wb_cli.cli.progress import LiveTasks

        with LiveTasks(_make_rich(stderr=True), count) as tasks:
            yield tasks


class PlainTasks:
    """Shows progress in pipes and logs: a line for each new step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: dict[str, str] = {}

    def update(self, key: str, text: str, done: float = 0, total: float | None = None) -> None:
        """Write the text once, even if its numbers change."""
        del done, total
        if self._last.get(key) != text:
            self._last[key] = text
            self._console.note(f"{key}: {text}")

    def finish(self, key: str, text: str, *, ok: bool = True) -> None:
        """Write how the job ended."""
        self._console.note(f"{key}: {text}" if ok else f"{key}: FAILED: {text}")


def _is_unicode(stream: TextIO) -> bool:
    """Whether the stream's encoding has every character."""
    return (stream.encoding or "utf-8").lower().startswith("utf")


def _make_rich(*, stderr: bool) -> RichConsole:
    from rich.console import Console as RichConsole

    return RichConsole(stderr=stderr, highlight=False)


_STYLES = {
    "healthy": "green",
    "running": "green",
    "ready": "green",
    "created": "cyan",
    "stopped": "dim",
    "degraded": "yellow",
    "starting": "yellow",
    "stopping": "yellow",
    "foreign": "yellow",
    "paused": "yellow",
    "removing": "yellow",
    "restarting": "red",
    "partial": "red",
    "exited": "red",
    "dead": "red",
    "failed": "red",
    "unhealthy": "red",
    "unknown": "red",
}


def _choose_style(cell: Cell) -> str:
    return _STYLES.get(cell.state, "") if isinstance(cell, StateCell) else ""


def _paint(text: str, code: str) -> str:
    is_plain = "NO_COLOR" in os.environ or not sys.stderr.isatty()
    return text if is_plain else f"\x1b[{code}m{text}\x1b[0m"


def make_error_document(error: WbError) -> dict[str, Any]:
    """Make the document of an error. After an interruption it has the state of each instance."""
    document: dict[str, Any] = {
        "kind": type(error).__name__.removesuffix("Error"),
        "message": error.message,
        "hint": error.hint,
        "exitCode": int(error.exit_code),
    }
    left = getattr(error, "left", None)
    return document | {"instances": left} if left else document
