"""What was tried and what held: a table at the end of the suite, also as Markdown."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple


class Row(NamedTuple):
    """How often a fault was tried, and how often what must hold held."""

    fault: str
    tries: int
    held: int

    @property
    def lost(self) -> int:
        return self.tries - self.held

    @property
    def cells(self) -> tuple[str, ...]:
        return self.fault, str(self.tries), str(self.held), str(self.lost)


HEADINGS = ("fault", "tries", "held", "lost")


@dataclass
class Tally:
    """Counts tries by fault, in the order in which the faults came first."""

    _tries: dict[str, list[bool]] = field(default_factory=dict)

    def note(self, fault: str, *, held: bool) -> None:
        """Count one try."""
        self._tries.setdefault(fault, []).append(held)

    @property
    def rows(self) -> list[Row]:
        return [Row(fault, len(tries), sum(tries)) for fault, tries in self._tries.items()]

    def as_text(self) -> list[str]:
        """Lines for a terminal."""
        table = [HEADINGS, *(row.cells for row in self.rows)]
        width = max(len(fault) for fault, *_ in table)
        return [
            f"{fault:{width}}  " + "  ".join(f"{number:>5}" for number in numbers)
            for fault, *numbers in table
        ]

    def as_markdown(self) -> str:
        """A table for the README."""
        table = [HEADINGS, ("---", "---:", "---:", "---:"), *(row.cells for row in self.rows)]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in table)


class NotTriedError(Exception):
    """The fault did not happen this time: what was to be tried was not."""


class Tries:
    """Many tries in one test: each is counted, and those that are lost are told together."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.lost: list[str] = []

    @contextmanager
    def one(self, fault: str, words: str) -> Iterator[None]:
        """A try, which is lost when the block raises an assertion."""
        try:
            yield
        except NotTriedError:
            return
        except (AssertionError, TimeoutError) as loss:
            self.lose(fault, words, loss)
        else:
            self.hold(fault)

    def hold(self, fault: str) -> None:
        """Count a try that held."""
        self.tally.note(fault, held=True)

    def lose(self, fault: str, words: str, loss: Exception) -> None:
        """Count a try that was lost, and keep why."""
        self.tally.note(fault, held=False)
        self.lost.append(f"{words}: {loss}")

    def end(self) -> None:
        """Fail the test if any try was lost."""
        assert not self.lost, f"{len(self.lost)} lost:\n" + "\n\n".join(self.lost)
