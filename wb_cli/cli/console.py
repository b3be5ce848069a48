"""Print: answers to stdout, notes to stderr, tables, progress, JSON, questions."""

from __future__ import annotations

import json
import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from wb_cli.cli import streams
from wb_cli.cli.show.tables import lay_out, wrap
from wb_cli.errors import UnexpectedError, UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console as RichConsole

    from wb_cli.cli.show.tables import Cell, Column

# From this verbosity on, an error that is not a fault of wb has a traceback too.
ALL_TRACEBACKS = 2
ENGINE_CALLS = 2
DEFAULT_WIDTH = 80
NOT_CONFIRMED = "Not confirmed; nothing was changed."


class Tasks(Protocol):
    """Shows the progress of jobs, one line for each key."""

    def update(self, key: str, text: str, done: float = 0, total: float | None = None) -> None:
        """Show the step of a job. With ``total`` (bytes) a bar is shown."""

    def finish(self, key: str, text: str, *, ok: bool = True) -> None:
        """Show how a job ended."""


class ReaderGoneError(Exception):
    """The reader of a stream of bytes has gone, or has no room for more."""


class Console:
    """Writes everything that a person or a script reads.

    ``as_json`` makes errors and results JSON. ``verbosity`` 1 adds the steps, and the traceback of
    a fault of wb; 2 adds the engine calls, and the traceback of any error. ``is_quiet`` leaves out
    everything but the answer's sum and the errors.
    """

    def __init__(self) -> None:
        self.as_json = False
        self.is_quiet = False
        self.verbosity = 0

    def set_verbosity(self, verbosity: int) -> None:
        """Choose what is shown. From 2 on, the engine's calls are, with their times."""
        self.verbosity = verbosity
        if verbosity >= ENGINE_CALLS:
            import logging

            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(message)s"))
            calls = logging.getLogger("wb_cli.engine")
            calls.setLevel(logging.DEBUG)
            calls.addHandler(handler)

    def write_line(self, text: str = "") -> None:
        """Write a line of the answer."""
        sys.stdout.write(text + "\n")

    def write_text(self, text: str) -> None:
        """Write a sentence of the answer. On a terminal it is broken between words."""
        for line in wrap(text, find_table_width()):
            self.write_line(line)

    def note(self, text: str) -> None:
        """Write text to stderr that is not a part of the answer.

        On a terminal it is broken between words. From its second line on it is somebody else's,
        such as a log, and stays as it is.
        """
        first, *others = text.split("\n")
        lines = [*wrap(first, find_width_of(sys.stderr)), *others]
        sys.stderr.write("".join(f"{line}\n" for line in lines))

    def write_json(self, value: Any) -> None:
        """Write the answer as one JSON document."""
        self.write_line(json.dumps(value, indent=2, ensure_ascii=not is_unicode(sys.stdout)))

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

    def show_table(self, headings: Sequence[str | Column], rows: Sequence[Sequence[Cell]]) -> None:
        """Write rows as aligned columns. On a terminal they fit its width; elsewhere all is shown.

        With colours a ``StateCell`` has the colour of its state. Other cells have none.
        """
        lines = lay_out(
            headings, rows, width=find_table_width(), with_colour=has_colours(sys.stdout)
        )
        for line in lines:
            self.write_line(line)

    def show_error(self, error: WbError) -> None:
        """Write an error and what to do next."""
        if self.verbosity >= ALL_TRACEBACKS or (self.verbosity and is_fault_of_wb(error)):
            traceback.print_exception(error, file=sys.stderr)
        if self.as_json:
            self.write_json({"error": make_error_document(error)})
            return
        self.note(f"{paint('error:', '31;1', sys.stderr)} {error.overview or error.message}")
        for detail in error.details:
            self.note(f"  {detail}")
        if error.hint and not error.details:
            self.note(f"{paint('hint:', '36', sys.stderr)} {error.hint}")

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
    def tasks(self, count: int = 1, *, has_lines: bool = True) -> Iterator[Tasks]:
        """Show ``count`` jobs in progress: live lines on a terminal, plain lines elsewhere.

        Without ``has_lines`` nothing is shown elsewhere, as the caller writes its own lines. On a
        terminal, lines that are written meanwhile stand above the live ones.
        """
        if self.is_quiet or not sys.stderr.isatty():
            yield PlainTasks(self) if has_lines and not self.is_quiet else NoTasks()
            return
        from wb_cli.cli.show.progress import LiveTasks

        with LiveTasks(make_rich(stderr=True), count) as tasks:
            yield tasks


class NoTasks:
    """Shows no progress."""

    def update(self, key: str, text: str, done: float = 0, total: float | None = None) -> None:
        """Show nothing."""

    def finish(self, key: str, text: str, *, ok: bool = True) -> None:
        """Show nothing."""


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
        """Write how the job ended. Without a text, the answer says it."""
        del ok
        if text:
            self._console.note(f"{key}: {text}")


def is_fault_of_wb(error: WbError) -> bool:
    """Whether the error is no fault of the user or of the machine."""
    return isinstance(error, UnexpectedError)


def is_unicode(stream: TextIO) -> bool:
    """Whether the stream's encoding has every character."""
    return (stream.encoding or "utf-8").lower().startswith("utf")


def make_rich(*, stderr: bool) -> RichConsole:
    """Make Rich's console on one of the outputs."""
    from rich.console import Console as RichConsole

    return RichConsole(stderr=stderr, highlight=False)


def find_table_width() -> int | None:
    """Find the width to which tables are fitted; ``None`` in a pipe, where nothing is cut.

    ``watch`` reads wb through a pipe. It gives its width in ``COLUMNS``, and ``FORCE_COLOR`` says
    that a terminal shows the output in the end.
    """
    is_shown = bool(os.environ.get("FORCE_COLOR") and os.environ.get("COLUMNS"))
    return find_width() if is_shown else find_width_of(sys.stdout)


def find_width_of(stream: TextIO) -> int | None:
    """Find the width to which text on a stream is fitted; ``None`` where it is no terminal."""
    number = streams.STDOUT if stream is sys.stdout else streams.STDERR
    return find_width(number) if stream.isatty() else None


def find_width(terminal: int = streams.STDOUT) -> int:
    """Find the width of a terminal in columns. ``COLUMNS`` goes before it, as in other tools."""
    if (given := os.environ.get("COLUMNS", "")).isdigit() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(terminal).columns or DEFAULT_WIDTH
    except OSError:
        return DEFAULT_WIDTH


def has_colours(stream: TextIO) -> bool:
    """Whether a stream shows colours. ``NO_COLOR`` forbids them, ``FORCE_COLOR`` asks for them."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}


def paint(text: str, code: str, stream: TextIO) -> str:
    """Colour a text if the stream shows colours. ``code`` is the number of an ANSI style."""
    return f"\x1b[{code}m{text}\x1b[0m" if has_colours(stream) else text


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
