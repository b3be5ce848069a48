"""Bring a backup back: check -> fetch beside what runs -> stop -> exchange the folders -> start.

The instance is away only from the stop on. The old folders come back by themselves if it does not
become healthy on the restored ones, and are kept until they are given up. Where a restore is cut
off, its folders tell how far it came, and the next command finishes or undoes it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.backup import manifest
from wb_cli.backup.copying.room import require_room
from wb_cli.backup.make import FOLDERS
from wb_cli.backup.restoring.around import back_up_after, back_up_first
from wb_cli.backup.restoring.fetch import Fetch
from wb_cli.backup.restoring.replacing import Replacement
from wb_cli.backup.restoring.restored import Ending, Piece, Restored, choose_pieces, sum_up_room
from wb_cli.backup.snapshots import MANIFEST_PATH
from wb_cli.errors import WbError
from wb_cli.lifecycle.exchanging.exchange import Exchange
from wb_cli.lifecycle.folders import refuse_missing_mount_path
from wb_cli.lifecycle.guard.half_restored import Left, has_database, suggest
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.backup.manifest import Manifest
    from wb_cli.backup.moments.spans import Way
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.options import RunOptions


class Restore(Struct):
    """Restores one instance. The caller has its lock.

    ``declare`` is called once its folder tells of the restore, for an instance that has no entry
    yet. ``only`` are the parts that are brought back; without them, all. With a ``way``, the
    databases go on from the backup to a moment. A clone has secrets of its
    own, and is removed by who makes it if it fails.
    """

    fleet: Fleet
    restic: Restic
    instance: Instance
    options: RunOptions
    backs_up_first: bool = True
    only: frozenset[Piece] = frozenset()
    is_clone: bool = False
    way: Way | None = None
    declare: Callable[[], object] = lambda: None

    @property
    def _exchange(self) -> Exchange:
        return Exchange(self.fleet, self.instance)

    @property
    def _replacement(self) -> Replacement:
        return Replacement(self._exchange, self.options, "restore")

    def run(self, backup: Backup) -> Restored:
        """Bring a backup back.

        Raises:
            WbError: it does not fit, or the instance did not become healthy on it. Then the folders
                from before are back, and so is what ran.
            InterruptedError: a signal came. The same holds.
        """
        began = time.monotonic()
        text = self.restic.read_file(backup.manifest, MANIFEST_PATH)
        found = manifest.parse(text, backup.short_id)
        machine = self._find_machine()
        pieces = choose_pieces(self._list_wanted(machine), found.folders, backup.short_id)
        if not self.options.dry_run:
            self.instance = self._replacement.settle()
        self._check(found, machine, pieces)
        if self.options.dry_run:
            reason = f"{backup.short_id} of {found.began}, {describe_size(found.bytes)}"
            moment = self.way.moment if self.way else 0.0
            return Restored(Ending.PLANNED, backup.id, reason=reason, pieces=pieces, moment=moment)
        self._tell_left_out(found)
        self._begin(machine)
        had_database = has_database(machine, self._exchange.root)
        try:
            if self.backs_up_first and had_database:
                back_up_first(self.fleet, self.restic, self.instance, self.options)
            Fetch(
                self._exchange,
                machine,
                self.restic,
                backup,
                self.options,
                takes_secrets=not self.is_clone,
                has_cache=found.has_cache and not self.way,
                way=self.way,
            ).run(pieces)
            stopped = time.monotonic()
            started = self._replacement.run(has_way_back=had_database)
        except BaseException:
            with suppress(WbError):
                self._discard()
            raise
        now = time.monotonic()
        if self.instance.point_in_time and Piece.DATABASES in pieces and not self.is_clone:
            back_up_after(self.fleet, self.restic, self.instance, self.options)
        return Restored(
            Ending.RESTORED,
            backup.id,
            started.url,
            now - stopped,
            now - began,
            pieces=pieces,
            platform=started.platform,
            moment=self.way.moment if self.way else 0.0,
        )

    def _list_wanted(self, machine: Machine) -> frozenset[Piece]:
        """List what is wanted. At a moment the folders were not as in the backup, so they stay."""
        if self.way and not self.only and has_database(machine, self._exchange.root):
            return frozenset({Piece.DATABASES})
        return self.only

    # Check

    def _find_machine(self) -> Machine:
        if self.fleet.machine is None:
            raise WbError("the machine of the engine cannot be looked at, so nothing is restored")
        return self.fleet.machine

    def _check(self, found: Manifest, machine: Machine, pieces: tuple[Piece, ...]) -> None:
        id_ = self.instance.id
        if self._exchange.look() is Left.KEPT:
            raise WbError(
                f"{id_} has the folders from before an earlier restore, and they are kept",
                f"{suggest(Left.KEPT, id_)} `wb run {id_}` starts it on the restored ones.",
            )
        if Piece.DATABASES in pieces:
            self._check_version(found)
        require_room(
            machine,
            self.fleet.settings.mount_path,
            *sum_up_room(found, self.way, pieces),
            "Make room there. The folders from before are kept beside the restored ones.",
        )

    def _check_version(self, found: Manifest) -> None:
        major, image = found.postgres.partition(".")[0], self._exchange.find_image()
        has = self.fleet.engine.find_image(image)
        if has and has.postgres_major and str(has.postgres_major) != major:
            raise WbError(
                f"the backup is of PostgreSQL {found.postgres}, and {image} is of another version",
                f"`wb config set {self.instance.id} postgresImage=...` names an image of "
                f"PostgreSQL {major}; then restore it again.",
            )

    # Do

    def _discard(self) -> None:
        """Remove what was fetched. Without another database it stays: it tells what is missing."""
        left = self._exchange.look()
        if left is Left.FETCHED:
            self._exchange.move("discard")
        elif left is Left.FETCHED_ALONE and not self.is_clone:
            self.options.tell(f"its data is not in place yet. {suggest(left, self.instance.id)}")

    def _begin(self, machine: Machine) -> None:
        """Make the folder that tells of the restore, and then the entry, if there is none."""
        refuse_missing_mount_path(self.fleet.settings, machine)
        machine.create(self._exchange.root, (contract.RESTORED,), {})
        self.declare()

    def _tell_left_out(self, found: Manifest) -> None:
        """Say which folders the backup does not have. Those stay as they are."""
        for name, why in found.left_out.items():
            if name in FOLDERS:
                self.options.tell(f"{name} is not in the backup ({why}); it stays as it is")
