"""End an upgrade that was cut off: finish it if the new version runs, undo it if not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Part
from wb_cli.instances.registry_file.entries import parse_entry
from wb_cli.lifecycle import actions
from wb_cli.quantities import write_now
from wb_cli.upgrade.attempts import Attempts, State, close, find_unfinished
from wb_cli.upgrade.target import put_back

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.engine.types import ObservedContainer
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.upgrade.attempts import Attempt
    from wb_cli.upgrade.upgrade import Change, Entry


def settle_upgrade(
    fleet: Fleet, instance: str, options: RunOptions, declare: Callable[[Change], object]
) -> bool:
    """End an upgrade of an instance that was cut off, and say which way. Say if there was one.

    ``declare`` changes the entry of the instance. A dry run only says it. The caller has the lock.
    """
    attempts = Attempts(fleet.settings.servers_file, instance)
    attempt = find_unfinished(attempts.read())
    if attempt is None:
        return False
    runs = fleet.engine.observe().find_running(instance, Part.PLATFORM)
    is_finished = runs is not None and _is_of(runs, attempt)
    version = attempt.after if is_finished else attempt.before
    what = f"an upgrade to {attempt.after.describe()} was cut off"
    if options.dry_run:
        options.tell(f"{what}; it would be {'finished' if is_finished else 'undone'}")
        return False
    declare(lambda entry: put_back(entry, version))
    state = State.UPGRADED if is_finished else State.CUT_OFF
    attempts.end(close(attempt, state, write_now()))
    how = "it was finished: the new version runs" if is_finished else "it was undone"
    options.tell(f"{what}; {how}")
    return True


def settle_and_run(
    fleet: Fleet,
    read_entry: Callable[[], Entry],
    options: RunOptions,
    declare: Callable[[Change], object],
) -> None:
    """End an upgrade that was cut off, and make the instance run as that leaves it declared.

    The platform may be stopped, or run beside the one that was set aside. An instance whose
    PostgreSQL does not run was stopped since, and stays as it is.

    Raises:
        WbError: the platform does not start.
        InterruptedError: a signal came.
    """
    id_ = str(read_entry()["id"])
    if settle_upgrade(fleet, id_, options, declare):
        postgres = fleet.engine.observe().find_running(id_, Part.POSTGRES)
        if postgres is not None:
            actions.run(fleet, parse_entry(read_entry()), options)


def _is_of(container: ObservedContainer, attempt: Attempt) -> bool:
    """Whether a container is of the newer version. Two versions may have the same image."""
    is_new = container.image_id == attempt.after.id
    if attempt.before.id == attempt.after.id:
        return is_new and container.image == attempt.after.reference
    return is_new
