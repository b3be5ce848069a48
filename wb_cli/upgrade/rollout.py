"""In which order a fleet is upgraded, and when it stops by itself. Pure."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from wb_cli.upgrade.upgraded import LEFT_ALONE, Upgraded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from wb_cli.lifecycle.ended import Ended


def split_into_batches(
    ids: Sequence[str], canaries: Collection[str], size: int, seed: str
) -> Iterator[list[str]]:
    """Split instances into batches: the canaries first, the others in a shuffled order.

    The same ``seed`` gives the same order, so a rollout that goes on keeps it. They are shuffled,
    because instances that stand beside each other are often alike.
    """
    chance = random.Random(seed)  # noqa: S311  (it protects nothing)
    first = [id_ for id_ in ids if id_ in canaries]
    rest = [id_ for id_ in ids if id_ not in canaries]
    for group in (first, rest):
        chance.shuffle(group)
        for start in range(0, len(group), size):
            yield group[start : start + size]


def count_failures(endings: Sequence[Ended[Upgraded]]) -> int:
    """Count those that failed now. One that was left alone has not failed now."""
    return sum(1 for ended in endings if ended.error or (ended.result and ended.result.degraded))


def describe_stand(endings: Sequence[Ended[Upgraded]], left: Sequence[str], why: str) -> str:
    """Say why a rollout stopped, and where it stands."""
    done = sum(1 for each in endings if each.result and each.result.ending not in LEFT_ALONE)
    return f"stopped: {why}; {done} done, {len(left)} were not begun: {', '.join(left)}"
