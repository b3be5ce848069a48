"""Guests: running containers that use an instance's network or sandbox, but are not its own.

Stock platforms start such containers and need their results. Others may belong to a stranger. wb
cannot tell the two apart. So it waits for guests and names them, and stops them only if the
operator asks for it.
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

    from wb_cli.engine.types import Observed, ObservedContainer

POLL_INTERVAL_S = 0.25


class GuestsError(WbError):
    """An instance cannot be stopped, because other containers use it. Nothing was changed."""

    def __init__(self, instance: str, guests: Sequence[ObservedContainer]) -> None:
        one = f"the container {_names(guests)} uses its network or its sandbox"
        several = f"the containers {_names(guests)} use its network or its sandbox"
        super().__init__(
            f"{instance} was left as it is: {one if len(guests) == 1 else several}",
            "Wait for what they do (`--timeout` says how long), or disconnect them; "
            f"`wb stop {instance} --force` stops them, too.",
        )


def find_guests(instance: str, observed: Observed) -> tuple[ObservedContainer, ...]:
    """Find the running containers that use an instance's network or sandbox but are not its own."""
    networks = {network.id for network in observed.networks if network.instance == instance}
    sandboxes = {
        path
        for container in observed.containers
        if container.instance == instance
        for path in container.writes_to
        if PurePath(path).name == contract.SANDBOX
    }
    return tuple(
        container
        for container in observed.containers
        if container.instance != instance
        and container.is_active
        and (networks.intersection(container.networks) or _can_write_below(sandboxes, container))
    )


def wait_for_guests(
    observe: Callable[[], Observed],
    instance: str,
    deadline: float,
    report: Callable[[str], None],
    cancelled: threading.Event,
) -> Observed:
    """Wait until an instance has no guests. Give what the engine lists then.

    Raises:
        GuestsError: there were still guests at the deadline.
        InterruptedError: the wait was cancelled.
    """
    while True:
        observed = observe()
        guests = find_guests(instance, observed)
        if not guests:
            return observed
        if time.monotonic() >= deadline:
            raise GuestsError(instance, guests)
        report(f"waiting for {_names(guests)}")
        if cancelled.wait(POLL_INTERVAL_S):
            raise InterruptedError(instance)


def _can_write_below(folders: set[str], container: ObservedContainer) -> bool:
    return any(
        PurePath(path).is_relative_to(folder) for path in container.writes_to for folder in folders
    )


def _names(guests: Sequence[ObservedContainer]) -> str:
    return ", ".join(guest.name for guest in guests)
