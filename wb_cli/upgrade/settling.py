"""End an upgrade or a rollback that was cut off: finish it if what it wants runs, else undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Part
from wb_cli.instances.registry_file.entries import parse_entry
from wb_cli.lifecycle import actions
from wb_cli.quantities import write_now
from wb_cli.upgrade.attempts import Attempts, State, close, find_unfinished
from wb_cli.upgrade.target import put_back
from wb_cli.upgrade.versions import name_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.engine.types import ObservedContainer
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.upgrade.target import Version
    from wb_cli.upgrade.upgrade import Change, Entry

# What becomes of a line by what was cut off, and whether it was finished.
ENDS = {
    (State.UNDER_WAY, True): State.UPGRADED,
    (State.UNDER_WAY, False): State.CUT_OFF,
    (State.GOING_BACK, True): State.ROLLED_BACK,
    (State.GOING_BACK, False): State.UPGRADED,
}


def settle_upgrade(
    fleet: Fleet,
    instance: str,
    options: RunOptions,
    declare: Callable[[Change], object],
    *,
    leaves_rollback: bool = False,
) -> bool:
    """End an upgrade or a rollback that was cut off, and say which way. Say if there was one.

    ``declare`` changes the entry of the instance. A dry run only says it. With ``leaves_rollback``
    the caller goes on with a rollback. The caller has the lock.
    """
    attempts = Attempts(fleet.settings.servers_file, instance)
    attempt = find_unfinished(attempts.read())
    if attempt is None:
        return False
    goes_back = attempt.state is State.GOING_BACK
    if goes_back and leaves_rollback:
        return False
    runs = fleet.engine.observe().find_running(instance, Part.PLATFORM)
    versions = (attempt.before, attempt.after)
    wanted, other = versions if goes_back else reversed(versions)
    is_finished = is_of(runs, wanted, other)
    kind = "a rollback" if goes_back else "an upgrade"
    what = f"{kind} to {wanted.describe()} was cut off"
    if options.dry_run:
        options.tell(f"{what}; it would be {'finished' if is_finished else 'undone'}")
        return False
    declare(lambda entry: put_back(entry, wanted if is_finished else other))
    attempts.end(close(attempt, ENDS[attempt.state, is_finished], write_now()))
    how = "it was finished: that version runs" if is_finished else "it was undone"
    options.tell(f"{what}; {how}")
    return True


def settle_and_run(
    fleet: Fleet,
    read_entry: Callable[[], Entry],
    options: RunOptions,
    declare: Callable[[Change], object],
    *,
    leaves_rollback: bool = False,
) -> None:
    """End what was cut off, as :func:`settle_upgrade`, and make the instance run as declared then.

    The platform may be stopped, or run beside the one that was set aside. An instance whose
    PostgreSQL does not run was stopped since, and stays as it is.

    Raises:
        WbError: the platform does not start.
        InterruptedError: a signal came.
    """
    id_ = str(read_entry()["id"])
    if settle_upgrade(fleet, id_, options, declare, leaves_rollback=leaves_rollback):
        postgres = fleet.engine.observe().find_running(id_, Part.POSTGRES)
        if postgres is not None:
            actions.run(fleet, parse_entry(read_entry()), options)


def is_of(container: ObservedContainer | None, wanted: Version, other: Version) -> bool:
    """Whether a container is of the wanted version. Two versions may have the same image."""
    if container is None:
        return False
    is_wanted = container.image_id == wanted.id
    if wanted.id == other.id:
        return is_wanted and name_image(container) == wanted.reference
    return is_wanted
