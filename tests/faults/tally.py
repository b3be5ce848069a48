"""Count what was tried and what held, for a table at the end of the suite."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple


class Row(NamedTuple):
    """A fault: the number of its tries, and of the tries after which all was right."""

    fault: str
    tries: int
    held: int

    @property
    def lost(self) -> int:
        return self.tries - self.held

    @property
    def cells(self) -> tuple[str, ...]:
        return self.fault, str(self.tries), str(self.held), str(self.lost)


TWO_WRITERS = "a data folder with two writers, watched for in each test"
HEADINGS = ("fault", "tries", "held", "lost")


@dataclass
class Tally:
    """Counts tries by fault, in the order of each fault's first try."""

    _tries: dict[str, list[bool]] = field(default_factory=dict)

    def note(self, fault: str, *, held: bool) -> None:
        """Count one try."""
        self._tries.setdefault(fault, []).append(held)

    @property
    def rows(self) -> list[Row]:
        return [Row(fault, len(tries), sum(tries)) for fault, tries in self._tries.items()]

    def as_text(self) -> list[str]:
        """The table as lines for a terminal."""
        table = [HEADINGS, *(row.cells for row in self.rows)]
        width = max(len(fault) for fault, *_ in table)
        return [
            f"{fault:{width}}  " + "  ".join(f"{number:>5}" for number in numbers)
            for fault, *numbers in table
        ]

    def as_markdown(self) -> str:
        """The table as Markdown."""
        table = [HEADINGS, ("---", "---:", "---:", "---:"), *(row.cells for row in self.rows)]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in table)


def name_fault(docstring: str) -> str:
    """Name the fault that a module of tests tries: the first words of its docstring."""
    words = docstring.partition(":")[0].splitlines()[0].rstrip(".")
    return words[0].lower() + words[1:]


class NotTriedError(Exception):
    """The fault did not happen in this try."""


class Tries:
    """Counts many tries in one test. All lost tries are reported together."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.lost: list[str] = []

    @contextmanager
    def one(self, fault: str, words: str) -> Iterator[None]:
        """Count the block as a try. It is lost if the block raises an assertion."""
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
        """Count a lost try, and keep its reason."""
        self.tally.note(fault, held=False)
        self.lost.append(f"{words}: {loss}")

    def end(self) -> None:
        """Fail the test if any try was lost."""
        assert not self.lost, f"{len(self.lost)} lost:\n" + "\n\n".join(self.lost)
