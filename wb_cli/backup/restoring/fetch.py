"""Fetch the parts of a backup into a folder of their own, while the instance runs on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.backup.databases import fetch_databases
from wb_cli.backup.make import ROOT, SECRETS
from wb_cli.backup.moments.fetch_wal import fetch_wal
from wb_cli.backup.moments.replay import AtEnd, Replay, Wal
from wb_cli.backup.restoring.restored import Piece
from wb_cli.engine.task import TaskMount
from wb_cli.errors import UsageError
from wb_cli.instances.secrets import choose_passwords
from wb_cli.lifecycle.guard.half_restored import has_database
from wb_cli.lifecycle.passwords.at_rest import set_at_rest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wb_cli.backup.moments.spans import Way
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup
    from wb_cli.lifecycle.exchanging.exchange import Exchange
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.secret import Secret

# No folder of an instance: what has this name is not put in its place.
FETCHED_WAL = ".wal"


class Fetch(Struct):
    """Fetches one backup for one instance.

    With ``takes_secrets``, an instance that never ran gets the secrets of the backup. With a
    ``way``, its database goes on from the backup to a moment.
    """

    exchange: Exchange
    machine: Machine
    restic: Restic
    backup: Backup
    options: RunOptions
    takes_secrets: bool = True
    has_cache: bool = False
    way: Way | None = None

    def run(self, pieces: Iterable[Piece]) -> None:
        """Fetch parts of the backup, and make the database one of this instance.

        Raises:
            WbError: something could not be fetched.
            InterruptedError: a signal came.
        """
        wanted = tuple(pieces)
        for piece in wanted:
            self._fetch(piece)
        if Piece.DATABASES in wanted:
            if self.has_cache:
                self._fetch(contract.VALKEY_DATA)
            if self.way:
                self._replay(self.way)
            self._take_secrets()
            self._set_password()

    def _fetch(self, piece: str) -> None:
        folder = self.exchange.root / contract.RESTORED
        self.machine.create(folder, (piece,), contract.FOLDER_MODES)
        target = folder / piece
        if piece == Piece.DATABASES:
            target /= contract.PGDATA_NAME
            fetch_databases(
                self.exchange.fleet,
                self.restic,
                self.backup,
                self.exchange.find_image(),
                target,
                self.options,
            )
            return
        self.restic.restore(
            f"{self.backup.id}:{ROOT}/{piece}",
            TaskMount(str(target), "/restored", is_read_only=False),
            lambda progress: self.options.report(f"fetching {piece}: {progress}"),
        )

    def _replay(self, way: Way) -> None:
        """Bring the fetched database to a moment, with WAL of the disk or of the repository."""
        fetched = self.exchange.root / contract.RESTORED
        replay = Replay(
            self.exchange.fleet,
            self.exchange.find_image(),
            fetched / contract.DATABASES,
            contract.PGDATA_NAME,
            self.options,
        )
        if way.folder:
            at_end = AtEnd.STAY if way.is_live else AtEnd.TAKE
            replay.to_moment(self._describe_wal(way, near=Path(way.folder)), way.moment, at_end)
            return
        stored, end = fetched / FETCHED_WAL, way.stretch.number(way.stretch.last)
        self._fetch_wal(way, range(way.first, way.last + 1), stored)
        wal = self._describe_wal(way, stored=stored)
        if way.last < end:
            part = replace(wal, last=way.last, last_name=way.stretch.name_segment(way.last))
            if replay.to_moment(part, way.moment, AtEnd.ASK):
                return
            self._fetch_wal(way, range(way.last + 1, end + 1), stored)
        replay.to_moment(wal, way.moment, AtEnd.TAKE)

    def _describe_wal(
        self, way: Way, *, stored: Path | None = None, near: Path | None = None
    ) -> Wal:
        last = way.stretch.last
        return Wal(way.first, way.stretch.number(last), last, stored, near)

    def _fetch_wal(self, way: Way, segments: range, target: Path) -> None:
        fetch_wal(self.machine, self.restic, way.stretch, segments, target, self.options)

    def _take_secrets(self) -> None:
        """Take the secrets of the backup where this host has neither secrets nor a database."""
        id_, secrets = self.exchange.instance.id, self.exchange.fleet.secrets
        if not self.takes_secrets or secrets.read(id_) or self._has_database():
            return
        content = self.restic.read_file(self.backup.id, f"{ROOT}/{SECRETS}")
        if content.strip():
            secrets.put(id_, content)

    def _set_password(self) -> None:
        """Make sure that the instance's password opens the database. The backup's may not."""
        fleet, id_ = self.exchange.fleet, self.exchange.instance.id
        self.options.report("starting a PostgreSQL on it, without a network")
        is_other = set_at_rest(
            fleet.engine,
            self.exchange.find_image(),
            self.exchange.root / contract.RESTORED / contract.DATABASES,
            self._choose_password(),
            fleet.settings.labels,
            self.options.cancelled,
        )
        if is_other and self.takes_secrets:
            self.options.tell(
                f"the database of the backup had another password than {id_} has here; it was set "
                f"to that of {id_}"
            )

    def _choose_password(self) -> Secret:
        fleet, id_ = self.exchange.fleet, self.exchange.instance.id
        try:
            known = choose_passwords(fleet.settings, fleet.secrets.read(id_), is_initialised=True)
        except UsageError:
            if self._has_database():  # whose password only its owner knows
                raise
            known = None
        if known is None:
            stored = fleet.secrets.create(id_)
            known = choose_passwords(fleet.settings, stored, is_initialised=True)
        if known is None:
            raise AssertionError("a password was made")
        return known.platform

    def _has_database(self) -> bool:
        return has_database(self.machine, self.exchange.root)
