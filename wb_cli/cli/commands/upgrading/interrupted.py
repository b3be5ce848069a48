"""Say where a whole rollout stands when a signal ends it, in a batch or between two."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError, SignalExit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wb_cli.lifecycle.ended import Ended


@contextmanager
def told_of_all(ids: Sequence[str], endings: Sequence[Ended[Any]]) -> Iterator[None]:
    """Tell of all instances what became of them if a signal ends the block.

    A batch tells of its own instances alone. ``endings`` are those of the batches that ended.

    Raises:
        InterruptedByUserError: a signal came.
    """
    try:
        yield
    except SignalExit as end:
        raise _add(InterruptedByUserError(end.number), ids, endings) from None
    except InterruptedByUserError as interruption:
        raise _add(interruption, ids, endings) from None


def _add(
    interruption: InterruptedByUserError, ids: Sequence[str], endings: Sequence[Ended[Any]]
) -> InterruptedByUserError:
    from wb_cli.lifecycle import aftermath
    from wb_cli.lifecycle.options import Verb

    told = {each["id"] for each in interruption.left}
    rest = [id_ for id_ in ids if id_ not in told]
    # What was begun is told of already, so no engine is asked.
    fates = aftermath.judge(Verb.UPGRADE.after_signal, rest, endings, (), _ask_nobody)
    interruption.message = "; ".join([interruption.message, *aftermath.describe(fates)])
    interruption.left = [*interruption.left, *(fate.as_document() for fate in fates)]
    return interruption


def _ask_nobody() -> Any:
    raise AssertionError("nothing of the rest was begun")
