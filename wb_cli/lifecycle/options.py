"""The options of an action on an instance."""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.lifecycle.guard.lock import Holder

READY_WITHIN_S = 120.0
PARALLEL = 4


class Verb(StrEnum):
    """The action on an instance. The value is the command's name."""

    RUN = "run"
    RESTART = "restart"
    STOP = "stop"
    REMOVE_DIRS = "remove-dirs"

    @property
    def is_undone(self) -> bool:
        """Whether an interruption undoes what was begun. Otherwise it is left half done."""
        return self in {Verb.RUN, Verb.RESTART}


class RunOptions(Struct, frozen=True):
    """The options of an action. Times are in seconds.

    The command sets the first five. ``lifecycle/batch.py`` sets the others for each instance.

    Args:
        verb: the action.
        timeout_s: how long an instance may take to become ready. For a stop: how long other
            containers that use the instance may take to leave.
        wait_s: how long to wait for an instance that another command is changing.
        parallel: how many instances are worked on at the same time.
        dry_run: only plan, change nothing.
        report: is called with the text of each step.
        cancelled: is set by a signal. The work ends at its next step.
        left_by: the command that died while it worked on the same instance, if there was one.
    """

    verb: Verb
    timeout_s: float = READY_WITHIN_S
    wait_s: float = 0.0
    parallel: int = PARALLEL
    dry_run: bool = False
    report: Callable[[str], None] = lambda _: None
    cancelled: threading.Event = field(default_factory=threading.Event)
    left_by: Holder | None = None
