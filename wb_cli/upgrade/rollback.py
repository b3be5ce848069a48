"""Go back to the version from before the last upgrade: to that very image, whatever its name.

Where the newer version says that it changes the database, the database goes back as well, to the
backup that was made before the upgrade.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.errors import UsageError, WbError
from wb_cli.instances.registry_file.entries import parse_entry
from wb_cli.lifecycle import actions
from wb_cli.lifecycle.planning.images import choose_platform_image
from wb_cli.quantities import write_now
from wb_cli.upgrade.attempts import Attempts, State, close, find_last_upgrade
from wb_cli.upgrade.settling import is_of
from wb_cli.upgrade.target import put_back
from wb_cli.upgrade.upgraded import Ending, Upgraded
from wb_cli.upgrade.versions import name_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.engine.base import ImageStore
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.upgrade.attempts import Attempt
    from wb_cli.upgrade.target import Version
    from wb_cli.upgrade.upgrade import Change, Entry

# An image says in this label that the version before cannot read what it makes of the database.
LABEL_CHANGES_DATABASE = "wb.changes-database"
YES = {"yes", "true", "1"}


class Rollback(Struct):
    """Takes back the last upgrade of one instance. The caller has its lock.

    ``declare`` changes the entry in the registry file. ``restore`` brings the databases of a backup
    back and starts the instance on them. ``keeps_database`` leaves the databases as they are.
    """

    fleet: Fleet
    images: ImageStore
    entry: Entry
    options: RunOptions
    declare: Callable[[Change], object]
    restore: Callable[[Instance, str, RunOptions], Any]
    keeps_database: bool = False

    def run(self) -> Upgraded:
        """Go back.

        Raises:
            UsageError: there is no upgrade to take back.
            WbError: the image from before is gone, or a step failed.
            InterruptedError: a signal came.
        """
        began, id_ = time.monotonic(), str(self.entry["id"])
        attempts = Attempts(self.fleet.settings.servers_file, id_)
        known = attempts.read()
        attempt = find_last_upgrade(known)
        if attempt is None:
            raise self._refuse(next(reversed(known), None))
        self._require_upgraded(attempt)
        backup = "" if self._is_back(attempt) else self._choose_backup(attempt)
        self._require_image(attempt.before)
        if self.options.dry_run:
            reason = f"with the database of the backup {backup[:8]}" if backup else ""
            return Upgraded(Ending.PLANNED, attempt.after, attempt.before, reason=reason)
        self.options.begin(("going back",))
        attempts.end(close(attempt, State.GOING_BACK, ""))
        self._bring_name_back(attempt.before)
        before = self._name_image(attempt.before)
        self.declare(lambda entry: put_back(entry, before))
        try:
            away_s, url = self._go_back(before, backup)
        except BaseException:
            self._stay(self._name_image(attempt.after), restarts=bool(backup))
            attempts.end(close(attempt, State.UPGRADED, attempt.ended or write_now()))
            raise
        now = write_now()
        attempts.end(close(attempt, State.ROLLED_BACK, now, away_s=away_s))
        if backup:
            self._tell_of_kept_database(attempt)
        return Upgraded(
            Ending.ROLLED_BACK,
            attempt.after,
            attempt.before,
            away_s=away_s,
            seconds=time.monotonic() - began,
            backup=backup,
            url=url,
            platform=attempt.before.reference,
        )

    def _tell_of_kept_database(self, attempt: Attempt) -> None:
        before, after = attempt.before.describe(), attempt.after.describe()
        self.options.tell(
            f"the database that {after} has changed is kept: `wb restore {self.entry['id']} "
            f"--accept` removes it. `--undo` would put it under {before}, which cannot read it"
        )

    def _go_back(self, before: Version, backup: str) -> tuple[float | None, str]:
        """Start the version from before. Give how long the platform was away, and its URL."""
        instance = parse_entry(put_back(self.entry, before))
        if backup:
            done = self.restore(instance, backup, self.options)
            return done.away_s, done.url
        options = replace(self.options, goes_back_late=True)
        result = actions.run(self.fleet, instance, options)
        return result.outcome.away_s, result.url

    def _stay(self, after: Version, *, restarts: bool) -> None:
        """Declare the newer version again. A restore that failed has started the other one."""
        self.declare(lambda entry: put_back(entry, after))
        if restarts:
            calm = replace(self.options, cancelled=threading.Event())
            with suppress(WbError):
                actions.run(self.fleet, parse_entry(put_back(self.entry, after)), calm)

    def _refuse(self, last: Attempt | None) -> UsageError:
        """Say why there is no upgrade to take back. One that failed has changed nothing."""
        id_ = str(self.entry["id"])
        if last is None:
            return UsageError(
                f"{id_} has no upgrade that could be taken back: wb never upgraded it",
                f"`wb upgrade {id_} --to VERSION` brings any version.",
            )
        return UsageError(
            f"{id_} has no upgrade that could be taken back: the last one, from "
            f"{last.before.describe()} to {last.after.describe()}, is {last.state} already",
            f"`wb upgrade {id_} --to VERSION` brings any version, an earlier one, too.",
        )

    def _require_upgraded(self, attempt: Attempt) -> None:
        """Refuse where another version has come since: it would go back past that.

        One that was cut off may have left either version, or none.
        """
        if attempt.state is not State.UPGRADED:
            return
        id_, both = str(self.entry["id"]), (attempt.before, attempt.after)
        runs = self._find_platform()
        declared = choose_platform_image(parse_entry(self.entry), self.fleet.settings)
        name = name_image(runs) if runs else declared
        is_one = name in {each.reference for each in both}
        if is_one or (runs and runs.image_id in {each.id for each in both}):
            return
        before, after = (each.describe() for each in both)
        raise UsageError(
            f"{id_} {'runs' if runs else 'declares'} {name} now, and its last upgrade went from "
            f"{before} to {after}: going back would pass over what came since",
            f"`wb upgrade {id_} --to {before}` brings that version all the same.",
        )

    def _find_platform(self) -> ObservedContainer | None:
        return self.fleet.engine.observe().find_running(str(self.entry["id"]), Part.PLATFORM)

    def _is_back(self, attempt: Attempt) -> bool:
        """Whether it was cut off when all but its end was done: then no data goes back again."""
        runs = self._find_platform()
        return attempt.state is State.GOING_BACK and is_of(runs, attempt.before, attempt.after)

    def _choose_backup(self, attempt: Attempt) -> str:
        """Choose the backup whose databases must come back; "" where they may stay as they are."""
        if self.keeps_database or not self._changes_database(attempt.after):
            return ""
        if not attempt.backup:
            raise WbError(
                f"{attempt.after.describe()} changes the database, and no backup was made before "
                "the upgrade",
                "`wb restore` brings back an older one; `--keep-database` leaves it as it is.",
            )
        return attempt.backup

    def _changes_database(self, version: Version) -> bool:
        """Whether a version says that it changes the database.

        Raises:
            WbError: its image is gone, so nobody knows.
        """
        if self.images.find(version.id) is None:
            raise WbError(
                f"whether {version.describe()} changed the database is unknown: its image is no "
                "longer on this engine",
                "`--keep-database` leaves the database as it is; `wb restore` brings one back.",
            )
        label = self.images.read_labels(version.id).get(LABEL_CHANGES_DATABASE, "")
        return label.strip().lower() in YES

    def _require_image(self, before: Version) -> None:
        if self.images.find(before.id) is None:
            raise WbError(
                f"the image from before is no longer on this engine: {before.reference} "
                f"({before.id})",
                f"`wb upgrade ID --to {before.describe()}` takes what has that name now.",
            )

    def _name_image(self, version: Version) -> Version:
        """Give the version as it must be declared to be its very image: a setting may have changed.

        The setting names the image of each version that has none of its own.
        """
        declared = parse_entry(put_back(self.entry, version))
        if choose_platform_image(declared, self.fleet.settings) == version.reference:
            return version
        return replace(version, own_image=version.reference)

    def _bring_name_back(self, before: Version) -> None:
        """Give the image its name again, if another one has it now."""
        named = self.images.find(before.reference)
        if named is None or named.id != before.id:
            self.options.tell(f"{before.reference} names the image from before again")
            self.images.tag(before.id, before.reference)
