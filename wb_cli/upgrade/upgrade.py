"""Bring another version of the platform to one instance: check -> back up -> declare -> switch.

Only the platform is replaced. If the new one does not become healthy in time, the container from
before comes back, and the entry with it. The failure is kept, so that no later rollout tries the
same pair of images here again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.errors import StartFailedError, StillStartingError, WbError
from wb_cli.instances.registry_file.entries import parse_entry
from wb_cli.lifecycle import actions
from wb_cli.quantities import write_now
from wb_cli.upgrade.attempts import (
    Attempt,
    Attempts,
    State,
    close,
    find_fatal,
)
from wb_cli.upgrade.hours import find_opening
from wb_cli.upgrade.image_check import CHECK_WITHIN_S, LABEL_CHECK, run_check
from wb_cli.upgrade.safety import explain_missing_backup
from wb_cli.upgrade.target import Version, change_entry, put_back
from wb_cli.upgrade.upgraded import Ending, Upgraded
from wb_cli.upgrade.versions import find_present, find_wanted

if TYPE_CHECKING:
    from wb_cli.engine.base import ImageStore
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

Entry = dict[str, Any]
Change = Callable[[Mapping[str, Any]], Entry]


class Ways(Struct, frozen=True):
    """How upgrades are asked for.

    ``checks_within_s`` is the time for the image's own check. ``retries`` tries a pair of images
    again that failed before, and ``heeds_hours`` waits for the instance's hours.
    """

    checks_within_s: float = CHECK_WITHIN_S
    retries: bool = False
    heeds_hours: bool = True


class Upgrade(Struct):
    """Upgrades one instance. The caller has its lock.

    ``to`` is the version or the image. ``declare`` changes the entry in the registry file by a
    function. ``back_up`` backs up the instance and gives the id of the backup; ``None`` where no
    backup is wanted.
    """

    fleet: Fleet
    images: ImageStore
    entry: Entry
    to: str
    options: RunOptions
    ways: Ways
    declare: Callable[[Change], object]
    back_up: Callable[[Instance, RunOptions], str] | None = None

    @property
    def _id(self) -> str:
        return str(self.entry["id"])

    def run(self) -> Upgraded:
        """Upgrade the instance.

        Raises:
            WbError: a step failed. Before the switch nothing was changed; after it, the version
                from before is back.
            InterruptedError: a signal came. The same holds.
        """
        wanted_entry = change_entry(self.entry, self.to)
        instance, wanted = parse_entry(self.entry), parse_entry(wanted_entry)
        settings = self.fleet.settings
        after = find_wanted(self.images, settings, wanted)
        platform = self.fleet.engine.observe().find_running(self._id, Part.PLATFORM)
        attempts = Attempts(self.fleet.settings.servers_file, self._id)
        known = attempts.read()
        before = find_present(self.images, settings, instance, platform)
        if platform is None:
            return self._declare_only(before, after, wanted_entry)
        if platform.image_id == after.id and self.entry == wanted_entry:
            return Upgraded(Ending.ALREADY, before, after)
        if ending := self._find_obstacle(wanted, before, after, known):
            return ending
        if self.options.dry_run:
            return Upgraded(Ending.PLANNED, before, after)
        self._check_image(wanted, after)
        backup = self._back_up_first(instance)
        attempt = Attempt(before, after, began=write_now(), backup=backup)
        return self._switch(attempts, attempt, wanted)

    # Look

    def _find_obstacle(
        self, instance: Instance, before: Version, after: Version, known: list[Attempt]
    ) -> Upgraded | None:
        """Find what keeps this instance as it is: a failure before, or the hour."""
        fatal = find_fatal(known, before.id, after.id)
        if fatal and not self.ways.retries:
            reason = f"it failed at {fatal.ended}: {fatal.reason}"
            return Upgraded(Ending.FATAL, before, after, reason=reason)
        hours, zone = instance.deploy_hours, instance.timezone
        opening = find_opening(hours, zone, datetime.now(UTC)) if self.ways.heeds_hours else None
        if opening:
            reason = f"its hours are {hours}; they begin at {opening:%Y-%m-%d %H:%M %Z}"
            return Upgraded(Ending.WAITS, before, after, reason=reason)
        return None

    def _check_image(self, wanted: Instance, after: Version) -> None:
        labels = self.images.read_labels(after.reference)
        command = self.fleet.settings.platform_check or labels.get(LABEL_CHECK, "")
        if command:
            described = self.fleet.describe(wanted, create_secrets=False)
            run_check(self.fleet, command, described, self.options, self.ways.checks_within_s)

    # Do

    def _back_up_first(self, instance: Instance) -> str:
        if self.back_up is None:
            return ""
        try:
            return self.back_up(instance, self.options)
        except WbError as error:
            raise explain_missing_backup(error) from error

    def _change(self, entry: Mapping[str, Any]) -> Entry:
        return change_entry(entry, self.to)

    def _declare_only(self, before: Version, after: Version, wanted: Entry) -> Upgraded:
        """Declare the version of an instance that does not run. Its next start has it."""
        if self.entry == wanted:
            return Upgraded(Ending.ALREADY, before, after)
        if self.options.dry_run:
            return Upgraded(Ending.PLANNED, before, after, reason="it does not run")
        self.options.begin(("upgrading",))
        self.declare(self._change)
        return Upgraded(Ending.DECLARED, before, after, reason="it does not run")

    def _switch(self, attempts: Attempts, attempt: Attempt, wanted: Instance) -> Upgraded:
        began = time.monotonic()
        self.options.begin(("upgrading",))
        attempts.begin(attempt)
        try:
            self.declare(self._change)
            done = actions.run(self.fleet, wanted, replace(self.options, goes_back_late=True))
        except BaseException as error:
            self._give_up(attempts, attempt, error)
            raise
        ended = close(attempt, State.UPGRADED, write_now(), away_s=done.outcome.away_s)
        attempts.end(ended)
        return Upgraded(
            Ending.UPGRADED,
            attempt.before,
            attempt.after,
            away_s=done.outcome.away_s,
            seconds=time.monotonic() - began,
            backup=attempt.backup,
            url=done.url,
            platform=done.platform,
            degraded=tuple(done.outcome.degraded),
        )

    def _give_up(self, attempts: Attempts, attempt: Attempt, error: BaseException) -> None:
        """Put the entry back, and keep what happened. Only a bad start is the version's fault.

        What was declared before may be another version than the one that ran.
        """
        declared = parse_entry(self.entry)
        before = Version(declared.server_version, declared.image or "", "", "")
        self.declare(lambda entry: put_back(entry, before))
        is_fatal = isinstance(error, StartFailedError | StillStartingError)
        state = State.FATAL if is_fatal else State.CUT_OFF
        said = error.headline if isinstance(error, WbError) else "interrupted"
        attempts.end(close(attempt, state, write_now(), reason=said))
