"""Act on instances of several hosts, side by side.

Each host has a batch of its own, with its own engine, locks and number of instances at a time. A
host that does not answer fails for its own instances alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Generic

from msgspec import Struct

from wb_cli.errors import WbError
from wb_cli.lifecycle import aftermath
from wb_cli.lifecycle.batch import Batch, make_answer, say_what_became
from wb_cli.lifecycle.ended import Ended, R
from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError, interruptible

if TYPE_CHECKING:
    import threading

    from wb_cli.lifecycle.batch import Progress
    from wb_cli.lifecycle.options import Verb

Check = Callable[[str], None]


class OnHost(Struct, Generic[R]):
    """The instances of one host. ``open`` connects to it, and gives the batch that acts there."""

    ids: Sequence[str]
    open: Callable[[], Batch[R]]
    batch: Batch[R] | None = None


def run_side_by_side(
    hosts: Sequence[OnHost[R]], verb: Verb, progress: Progress, check: Check | None = None
) -> list[Ended[R]]:
    """Act on the instances of all hosts; give how each ended, host by host.

    Raises:
        InterruptedByUserError: a signal came. The error says what became of each instance.
    """
    ended: list[list[Ended[R]]] = [[] for _ in hosts]
    try:
        with interruptible(make_answer(verb, progress)) as cancelled:
            act = partial(_act, cancelled, progress, check)
            with ThreadPoolExecutor(len(hosts)) as pool:
                ended = list(pool.map(act, hosts))
    except InterruptedByUserError as interruption:
        fates = [
            fate for host, done in zip(hosts, ended, strict=True) for fate in _judge(host, done)
        ]
        say_what_became(interruption, fates)
        raise
    return [end for done in ended for end in done]


def _act(
    cancelled: threading.Event, progress: Progress, check: Check | None, host: OnHost[R]
) -> list[Ended[R]]:
    try:
        host.batch = host.open()
    except WbError as error:
        ended = [Ended[R](instance, error=error) for instance in host.ids]
        for end in ended:
            progress.finish(end)
        return ended
    return host.batch.act(host.ids, cancelled, check)


def _judge(host: OnHost[R], ended: Sequence[Ended[R]]) -> Sequence[aftermath.InstanceFate]:
    if host.batch:
        return host.batch.judge(host.ids, ended)
    return [
        aftermath.InstanceFate(end.instance, aftermath.Fate.FAILED, reason=str(end.error))
        for end in ended
    ]
