"""Watch a fleet before its rollout and after each batch, and judge the upgraded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.errors import ExitCode, WbError
from wb_cli.upgrade.judging import Judgement, Verdict, Watched, is_comparable, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wb_cli.upgrade.looking import Looks

TOO_LITTLE = "it was asked too little, was not warm, or does not tell its memory"


class Judged(Struct, frozen=True):
    """What came of judging a batch: the upgraded so far, and why some are not known to be good."""

    instances: tuple[str, ...]
    judgement: Judgement
    unknown: dict[str, str]

    def find_verdict(self, id_: str) -> Verdict:
        """Find the verdict on one instance."""
        return Verdict.UNKNOWN if id_ in self.unknown else self.judgement.verdict

    def describe_for(self, id_: str) -> str:
        """Describe the verdict on one instance, with its evidence."""
        if why := self.unknown.get(id_):
            return f"{Verdict.UNKNOWN}: {why}"
        return self.judgement.describe()

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "instances": list(self.instances),
            "verdict": str(self.judgement.verdict),
            "evidence": list(self.judgement.evidence),
            "unknown": self.unknown,
        }


class Noted(Struct, frozen=True):
    """That a verdict was kept with an instance's upgrade."""

    verdict: Verdict

    @property
    def ending(self) -> str:
        """How it ended, for the history."""
        return "judged"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        return ExitCode.OK

    def describe(self) -> str:
        """Describe it in a line."""
        return f"judged: {self.verdict}"


def judge_batch(
    before: Looks, after: Looks, upgraded: Iterable[str], rest: Iterable[str]
) -> Judged:
    """Judge the upgraded by what was seen before the rollout and after the last batch.

    One whose figures cannot be read is not taken for a good one.
    """
    ids = tuple(sorted(upgraded))
    watched = _match(before, after, ids)
    found = judge(watched, _match(before, after, rest))
    looks = {id_: after.find_unread(id_) or before.find_unread(id_) for id_ in ids}
    unread = {id_: why for id_, why in looks.items() if why}
    if unread:
        lines = tuple(f"{id_}: {why}" for id_, why in unread.items())
        is_worse = found.verdict is Verdict.WORSE
        verdict = Verdict.WORSE if is_worse else Verdict.UNKNOWN
        found = Judgement(verdict, (*lines, *found.evidence))
    idle = {each.instance: TOO_LITTLE for each in watched if not is_comparable(each)}
    return Judged(ids, found, idle | unread)


def _match(before: Looks, after: Looks, ids: Iterable[str]) -> Sequence[Watched]:
    matched = []
    for id_ in ids:
        first, last = before.figures.get(id_), after.figures.get(id_)
        if first and last and not isinstance(first, WbError) and not isinstance(last, WbError):
            warm_ups = (first.warm_up, last.warm_up)
            matched.append(Watched(id_, before.windows[id_], after.windows[id_], warm_ups))
    return matched
