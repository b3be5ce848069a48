"""What the workers of one server tell each other, so that they answer as one.

A server with one worker has no others: then nothing is sent, and nothing is waited for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from wb_cli.server.db.epochs import Epochs
from wb_cli.server.db.notices import TRUSTED_FOR_S
from wb_cli.server.platform import Platform

# After this time without an answer, another worker trusts nothing of before, unless it has heard
# of the change from PostgreSQL: see `db/notices.py`.
TOLD_WITHIN_S = TRUSTED_FOR_S
# A worker that does not answer in this time is left out, and the answer says that it is.
KNOWN_WITHIN_S = 0.5


class Question(StrEnum):
    """What one worker asks another."""

    CHANGED = "changed"  # note a change, and say so
    CLEARED = "cleared"  # go on in these epochs, and say how much that cleared
    STATE = "state"
    METRICS = "metrics"
    LAST_HOUR = "last-hour"


def answer_others(platform: Platform, state: Callable[[], Any], metrics: Callable[[], Any]) -> None:
    """Answer what the other workers ask.

    Args:
        platform: the parts of this worker.
        state: what the health check and the page show of this worker.
        metrics: the metrics of this worker.
    """

    async def changed(about: list[str | None]) -> bool:
        database, object_id = about
        platform.bus.tell(str(database), object_id)
        return True

    async def cleared(about: dict[str, dict[str, int]]) -> dict[str, int]:
        return platform.caches.begin_epochs(Epochs(**about))

    async def state_now(_: Any) -> Any:
        return state()

    async def metrics_now(_: Any) -> Any:
        return metrics()

    async def last_hour_now(_: Any) -> Any:
        return platform.last_hour.describe()

    platform.siblings.answers |= {
        Question.CHANGED: changed,
        Question.CLEARED: cleared,
        Question.STATE: state_now,
        Question.METRICS: metrics_now,
        Question.LAST_HOUR: last_hour_now,
    }


async def tell(platform: Platform, database: str, object_id: str | None = None) -> None:
    """Note what was changed, in this worker and in all others, before anybody is told that it was.

    A worker that does not answer has had no proof for so long that notices arrive, so that it
    answers nothing from memory.
    """
    platform.bus.tell(database, object_id)
    about = [database, object_id]
    await platform.siblings.ask(Question.CHANGED, about, within_s=TOLD_WITHIN_S)


async def tell_epochs(platform: Platform, begun: Epochs) -> Iterable[Mapping[str, int]]:
    """Let all other workers clear what was cleared; how many entries each had, by cache.

    They are told the epochs, and need not ask PostgreSQL, which may be busy.
    """
    told = await platform.siblings.ask(Question.CLEARED, asdict(begun), within_s=TOLD_WITHIN_S)
    return told.values()


def add_up(own: Mapping[str, int], others: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    """The sums of this worker's counts and the others'."""
    total = Counter(own)
    for counts in others:
        total.update(counts)
    return total
