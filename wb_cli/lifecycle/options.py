"""The options of an action on an instance."""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wb_cli.lifecycle.guard.lock import Holder
    from wb_cli.lifecycle.planning.basis import Agreed

READY_WITHIN_S: float = 120
PARALLEL = 4
# What runs shares the processors with what is started, so a start takes no more than there are.
LEAST_PARALLEL, MOST_PARALLEL = 2, 8


class AfterSignal(StrEnum):
    """What an action does with what it has begun when a signal comes.

    The value is the answer to another signal. ``aftermath.py`` judges what each one leaves.
    """

    UNDO = "undoing what was begun: that takes as long as a container needs to stop"
    END_STEP = "ending the step that was begun: that takes as long as a container needs to stop"
    END_FOLDER = "ending the removal at the next folder"
    GIVE_UP = "ending the backup: nothing of the instance is changed"
    END_REHEARSAL = "ending the rehearsal, and removing its clone: the instance is not touched"
    END_REPAIR = "ending the repair of the instance that was begun"
    END_INSTANCE = "ending the instance that was begun: certbot is not interrupted"


class Verb(StrEnum):
    """The action on an instance. The value is the command's name."""

    RUN = "run"
    RESTART = "restart"
    STOP = "stop"
    REMOVE_DIRS = "remove-dirs"
    ADOPT = "adopt"
    BACKUP = "backup"
    PROVE = "backup prove"
    FORGET = "backup forget"
    RESTORE = "restore"
    CLONE = "clone"
    UPGRADE = "upgrade"
    REHEARSE = "upgrade --rehearse"
    ROLLBACK = "rollback"
    ROTATE = "rotate-secret"
    REPAIR = "repair"
    UPGRADE_POSTGRES = "upgrade-postgres"
    IMPORT = "import"
    INIT_SSL = "init-ssl"
    REMOVE_SSL = "remove-ssl"

    @property
    def after_signal(self) -> AfterSignal:
        """What the action does with what it has begun when a signal comes."""
        return _AFTER_SIGNAL[self]

    def name_lock(self, instance: str) -> str:
        """Name the lock under which it works. A backup keeps nobody from changing the instance."""
        is_of_backups = self in OF_BACKUPS
        return f"{instance}.backup" if is_of_backups else instance


OF_BACKUPS = {Verb.BACKUP, Verb.PROVE, Verb.FORGET, Verb.REHEARSE}
_AFTER_SIGNAL = {
    Verb.RUN: AfterSignal.UNDO,
    Verb.RESTART: AfterSignal.UNDO,
    Verb.STOP: AfterSignal.END_STEP,
    Verb.REMOVE_DIRS: AfterSignal.END_FOLDER,
    Verb.ADOPT: AfterSignal.UNDO,
    Verb.BACKUP: AfterSignal.GIVE_UP,
    Verb.PROVE: AfterSignal.GIVE_UP,
    Verb.FORGET: AfterSignal.GIVE_UP,
    Verb.RESTORE: AfterSignal.UNDO,
    Verb.CLONE: AfterSignal.UNDO,
    Verb.UPGRADE: AfterSignal.UNDO,
    Verb.REHEARSE: AfterSignal.END_REHEARSAL,
    Verb.ROLLBACK: AfterSignal.UNDO,
    Verb.ROTATE: AfterSignal.UNDO,
    Verb.REPAIR: AfterSignal.END_REPAIR,
    Verb.UPGRADE_POSTGRES: AfterSignal.UNDO,
    Verb.IMPORT: AfterSignal.UNDO,
    Verb.INIT_SSL: AfterSignal.END_INSTANCE,
    Verb.REMOVE_SSL: AfterSignal.END_INSTANCE,
}


def choose_parallel(processors: int) -> int:
    """Choose how many instances are started at the same time on a machine."""
    return max(LEAST_PARALLEL, min(MOST_PARALLEL, processors))


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
        tell: is called with what an operator should know in any case: the work waits for somebody
            else, or what was begun is undone.
        begin: is called before the first change, and never if nothing is to be changed. Its
            arguments are the reasons for the changes.
        cancelled: is set by a signal. The work ends at its next step.
        goes_back_late: what is not ready in time counts as failed, and is undone.
        left_by: the command that died while it worked on the same instance, if there was one.
        agreed: the plan that the operator has seen. Nothing else is done.
    """

    verb: Verb
    timeout_s: float = READY_WITHIN_S
    wait_s: float = 0.0
    parallel: int = PARALLEL
    dry_run: bool = False
    report: Callable[[str], None] = lambda _: None
    tell: Callable[[str], None] = lambda _: None
    begin: Callable[[Sequence[str]], None] = lambda _: None
    cancelled: threading.Event = field(default_factory=threading.Event)
    goes_back_late: bool = False
    left_by: Holder | None = None
    agreed: Agreed | None = None
