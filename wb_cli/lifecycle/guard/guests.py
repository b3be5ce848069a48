"""Guests: running containers that are not the instance's but use its network or its sandbox.

Stock platforms start such helpers and need their results; others may be a stranger's. Which of
the two cannot be told, so they are waited for and named, and stopped only when that is asked for.
"""

from __future__ import annotations

import time
from pathlib import PurePath
from typing import TYPE_CHECKING

from wb_cli import contract
from wb_cli.errors import WbError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import Observed, ObservedContainer

POLL_INTERVAL_S = 0.25


class GuestsError(WbError):
    """An instance cannot be stopped as others use it; nothing was changed."""

    def __init__(self, instance: str, guests: Sequence[ObservedContainer]) -> None:
        one = f"the container {_names(guests)} uses its network or its sandbox"
        several = f"the containers {_names(guests)} use its network or its sandbox"
        super().__init__(
            f"{instance} was left as it is: {one if len(guests) == 1 else several}",
            "Wait for what they do (`--timeout` says how long), or disconnect them; "
            f"`wb stop {instance} --force` stops them, too.",
        )


def guests_of(instance: str, observed: Observed) -> tuple[ObservedContainer, ...]:
    """The running containers that use an instance's network or sandbox and are not its own."""
    networks = {each.id for each in observed.networks if each.instance == instance}
    sandboxes = {
        path
        for each in observed.containers
        if each.instance == instance
        for path in each.writes_to
        if PurePath(path).name == contract.SANDBOX
    }
    return tuple(
        each
        for each in observed.containers
        if each.instance != instance
        and each.is_active
        and (networks.intersection(each.networks) or _writes_below(sandboxes, each))
    )


def wait_for_guests(
    engine: Engine,
    instance: str,
    deadline: float,
    report: Callable[[str], None],
    cancelled: threading.Event,
) -> Observed:
    """What the engine lists once an instance has no guests.

    Raises:
        GuestsError: some were still there at the deadline.
        InterruptedError: the wait was cancelled.
    """
    while True:
        observed = engine.observe()
        guests = guests_of(instance, observed)
        if not guests:
            return observed
        if time.monotonic() >= deadline:
            raise GuestsError(instance, guests)
        report(f"wait for {_names(guests)}")
        if cancelled.wait(POLL_INTERVAL_S):
            raise InterruptedError(instance)


def _writes_below(folders: set[str], container: ObservedContainer) -> bool:
    return any(
        PurePath(path).is_relative_to(folder) for path in container.writes_to for folder in folders
    )


def _names(guests: Sequence[ObservedContainer]) -> str:
    return ", ".join(each.name for each in guests)
