"""Compare the answers of the newer version with those of the version from before, as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.errors import WbError
from wb_cli.quantities import shorten_list
from wb_cli.upgrade.rehearsing.answers import Kept, read_body
from wb_cli.upgrade.rehearsing.causes import Cause
from wb_cli.upgrade.rehearsing.tally import Tally

if TYPE_CHECKING:
    from wb_cli.upgrade.rehearsing.answers import Answer


class Comparison:
    """Keeps what the version from before answers, and compares what the newer one does."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.tally = Tally()
        self.unanswered: list[str] = []
        self.other_versions = 0
        self._compared: set[str] = set()

    @property
    def results(self) -> tuple[Answer, ...]:
        """The results of the version from before."""
        return tuple(self.kept.answers.values())

    def keep(self, answer: Answer) -> None:
        """Keep an answer of the version from before, if it is a result."""
        if answer.is_result:
            self.kept.add(answer)
        elif answer.is_missing:
            self.unanswered.append(answer.name)

    def compare(self, answer: Answer) -> None:
        """Compare an answer of the newer version."""
        known = self.kept.answers[answer.path]
        self._compared.add(answer.path)
        if not answer.is_result:
            self.tally.add(Cause.NO_RESULT, known.name, answer.describe())
            return
        if known.version and answer.version and known.version != answer.version:
            self.other_versions += 1
        if known.digest == answer.digest:
            return
        try:
            old, new = self.kept.read(answer.path), read_body(answer)
        except KeyError:
            self.tally.add(Cause.UNREAD, known.name)
            return
        self.tally.compare(known.name, old, new)

    def require_all(self) -> None:
        """Refuse to judge by a part of the results.

        Raises:
            WbError: the newer version was not asked for all of them.
        """
        left = [answer.name for answer in self.results if answer.path not in self._compared]
        if left:
            raise WbError(f"the newer version was not asked for {shorten_list(left)}")
