"""A terminal that remembers what it shows: the screen, and the lines that scrolled out of it.

It knows what wb's output uses: moves of the cursor, erasing, the second screen, and lines that are
wrapped at the right edge. Colours are left out.
"""

import re
import sys
import termios
import time
from collections.abc import Callable

import pexpect

PIECES = re.compile(
    r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[()].|\x1b.|([\r\n\b\x07])|([^\x1b\r\n\b\x07]+)"
)
UNFINISHED = re.compile(r"\x1b(\[[0-9;?]*)?$")
WITHIN_S = 120


class Screen:
    """What a terminal of so many lines and columns shows of the text that is fed to it."""

    def __init__(self, lines: int, columns: int) -> None:
        self.lines, self.columns = lines, columns
        self._grid = self._blank()
        self._other: list[list[str]] | None = None  # the first screen, while the second is shown
        self._scrolled: list[str] = []
        self._row = self._column = 0
        self._unfinished = ""

    def feed(self, text: str) -> None:
        """Take output. The end of an escape sequence may come with the next piece."""
        text = self._unfinished + text
        cut = UNFINISHED.search(text)
        self._unfinished = cut[0] if cut else ""
        for piece in PIECES.finditer(text[: cut.start()] if cut else text):
            parameters, letter, control, characters = piece.groups()
            if letter:
                self._obey(letter, parameters)
            elif control:
                self._control(control)
            for character in characters or "":
                self._put(character)

    @property
    def shown(self) -> list[str]:
        """The lines on the screen, without the empty ones at its end."""
        return _strip(self._grid)

    @property
    def everything(self) -> list[str]:
        """All lines, those that scrolled out too: what a person finds who scrolls back."""
        return [*self._scrolled, *self.shown]

    @property
    def is_second(self) -> bool:
        """Whether the second screen is shown, as an editor does."""
        return self._other is not None

    def resize(self, lines: int, columns: int) -> None:
        """Have another size. What is shown on the second screen is drawn anew by the program."""
        self.lines, self.columns = lines, columns
        self._grid = self._blank()
        self._row = self._column = 0

    def _blank(self) -> list[list[str]]:
        return [[" "] * self.columns for _ in range(self.lines)]

    def _put(self, character: str) -> None:
        if self._column == self.columns:  # the line is full, so the text goes on in the next
            self._column = 0
            self._feed_line()
        self._grid[self._row][self._column] = character
        self._column += 1

    def _control(self, control: str) -> None:
        match control:
            case "\r":
                self._column = 0
            case "\n":
                self._feed_line()
            case "\b":
                self._column = max(self._column - 1, 0)

    def _feed_line(self) -> None:
        if self._row + 1 < self.lines:
            self._row += 1
            return
        first = self._grid.pop(0)
        self._grid.append([" "] * self.columns)
        if not self.is_second:
            self._scrolled += ["".join(first).rstrip()]

    def _obey(self, letter: str, parameters: str) -> None:
        numbers = [int(number) for number in parameters.strip("?").split(";") if number]
        count = numbers[0] if numbers else 1
        match letter:
            case "A":
                self._row = max(self._row - count, 0)
            case "B":
                self._row = min(self._row + count, self.lines - 1)
            case "C":
                self._column = min(self._column + count, self.columns - 1)
            case "D":
                self._column = max(self._column - count, 0)
            case "H":
                row, column = [*numbers, 1, 1][:2]
                self._row, self._column = row - 1, column - 1
            case "K":
                self._erase_line(numbers[0] if numbers else 0)
            case "J":
                self._erase_screen(numbers[0] if numbers else 0)
            case "h" | "l" if "1049" in parameters:
                self._change_screen(to_second=letter == "h")

    def _erase_line(self, what: int) -> None:
        begin = self._column if what == 0 else 0
        end = self._column + 1 if what == 1 else self.columns
        self._grid[self._row][begin:end] = [" "] * (end - begin)

    def _erase_screen(self, what: int) -> None:
        if what == 0:
            self._erase_line(0)
        for row in range(self._row + 1 if what == 0 else 0, self.lines):
            self._grid[row] = [" "] * self.columns

    def _change_screen(self, *, to_second: bool) -> None:
        if to_second and not self.is_second:
            self._other, self._grid = self._grid, self._blank()
            self._saved = (self._row, self._column)
        elif not to_second and self._other is not None:
            self._grid, self._other = self._other, None
            self._row, self._column = self._saved


class ShownCommand:
    """A command of wb on a terminal of a given size; ``screen`` is what the terminal shows."""

    def __init__(self, environ: dict[str, str], *words: str, lines: int, columns: int) -> None:
        self.screen = Screen(lines, columns)
        self.raw = ""
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "wb_cli", *words],
            env=environ | {"TERM": "xterm-256color"},
            dimensions=(lines, columns),
            # Set the size before the command begins: a quick command may end before a later change.
            preexec_fn=lambda: termios.tcsetwinsize(1, (lines, columns)),
            encoding="utf-8",
            timeout=WITHIN_S,
        )
        self.child.ptyproc.delayafterclose = 0.01

    def until(self, is_so: Callable[[Screen], object]) -> None:
        """Wait until the screen shows something."""
        end = time.monotonic() + WITHIN_S
        while not is_so(self.screen):
            assert time.monotonic() < end, "\n".join(self.screen.shown)
            assert self._read(), "\n".join(self.screen.everything)

    def type(self, text: str) -> None:
        self.child.send(text)

    def resize(self, lines: int, columns: int) -> None:
        self.screen.resize(lines, columns)
        self.child.setwinsize(lines, columns)

    def end(self, within_s: float = WITHIN_S) -> int:
        """Read to the end, and return the exit code."""
        end = time.monotonic() + within_s
        while self._read():
            assert time.monotonic() < end, "\n".join(self.screen.everything)
        self.child.close()
        assert self.child.exitstatus is not None, "\n".join(self.screen.everything)
        return int(self.child.exitstatus)

    def close(self) -> None:
        self.child.close(force=True)

    def _read(self) -> bool:
        """Read what comes. Return whether more may come."""
        try:
            read = self.child.read_nonblocking(1 << 16, timeout=0.2)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += read
        self.screen.feed(read)
        return True


def _strip(grid: list[list[str]]) -> list[str]:
    lines = ["".join(cells).rstrip() for cells in grid]
    while lines and not lines[-1]:
        lines.pop()
    return lines
