"""Back up one running instance: check -> copy -> store -> write the manifest, which makes it count.

Nothing of the instance is changed or stopped, at no step.
"""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import __version__, contract
from wb_cli.backup import manifest
from wb_cli.backup.copying import base_backup
from wb_cli.backup.copying.cache import COPY, copy_cache
from wb_cli.backup.copying.counting import MAINTENANCE, TOLD_WITHIN_S, VERSION, Postgres
from wb_cli.backup.copying.incremental import Choice, find_base
from wb_cli.backup.copying.room import require_room_for_copy, require_room_for_wal
from wb_cli.backup.copying.staging import folder_of_copy, remove_left
from wb_cli.backup.copying.tables import describe_tables
from wb_cli.backup.listing import Listing
from wb_cli.backup.made import Made
from wb_cli.backup.manifest import Content, Manifest
from wb_cli.backup.moments.wal_of_backup import POSITION, WalOfBackup
from wb_cli.backup.snapshots import DATA, MANIFEST, MANIFEST_PATH, make_tags
from wb_cli.contract import Part
from wb_cli.engine.task import Priority, TaskMount
from wb_cli.errors import WbError
from wb_cli.instances.secrets import choose_passwords
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.quantities import describe_size, write_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.backup.answers import Progress, Summary
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.secret import Secret

# What restic sees: the folders of the snapshot.
ROOT = "/backup"
FOLDERS = (contract.ASSETS, contract.SANDBOX)
DECLARATION, SECRETS = "declaration.json", "secrets.json"
BY_SETTING = "the setting backup_leave_out"
SIZE = "select coalesce(sum(pg_database_size(oid)), 0)::bigint from pg_database"


class _Source(Struct, frozen=True):
    """What is copied: a running PostgreSQL, and the instance's folders."""

    postgres: ObservedContainer
    images: Mapping[str, str]
    password: Secret
    root: Path
    folders: tuple[str, ...]
    staging: Path
    valkey: ObservedContainer | None


class BackUp(Struct):
    """Backs up one instance. ``is_full`` asks for a whole copy of its databases.

    ``takes_cache`` takes the cache along, whatever the settings say.
    """

    fleet: Fleet
    restic: Restic
    instance: Instance
    options: RunOptions
    is_full: bool = False
    takes_cache: bool = False

    @property
    def _wal(self) -> WalOfBackup:
        return WalOfBackup(self.fleet, self.instance, self.options)

    def run(self) -> Made:
        """Make the backup, and give its manifest.

        Raises:
            WbError: the instance does not run, there is no room, or a step failed. What was stored
                by then has no manifest, and counts for nothing.
            InterruptedError: a signal came.
        """
        began, now = time.monotonic(), datetime.now(UTC)
        source = self._describe()
        database = Postgres(self.fleet.engine, source.postgres.id)
        if not self.options.dry_run:
            # A backup that was killed left its copy, which takes the room that this one needs.
            remove_left(self.fleet, source.staging, source.postgres.image_id)
        size = self._check_room(source, database)
        if self.options.dry_run:
            return Made(None, 0, f"{describe_size(size)} of databases")
        days = self.fleet.settings.backup_full_every
        choice = find_base(database, self.restic, self.instance.id, days, is_full=self.is_full)
        before, position = database.count_rows(), self._wal.find_position(database)
        left_out = dict.fromkeys(self.fleet.settings.backup_leave_out, BY_SETTING)
        try:
            why_cold = self._copy_cache(source)
            choice = self._copy(source, choice)
            copied = time.monotonic()
            ended_at = database.ask(MAINTENANCE, POSITION)
            summary = self._store(source, choice, position, has_cache=not why_cold)
        finally:
            self._clean(source)
        self._wait_until_told(database, copied)
        base = choice.base.origin if choice.base else ""
        made = Manifest(
            format=manifest.CHANGES if base else manifest.WHOLE,
            instance=self.instance.id,
            snapshot=summary.snapshot_id,
            began=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            ended=write_now(),
            wb=__version__,
            postgres=database.ask(MAINTENANCE, VERSION),
            images=dict(source.images),
            wal_position=ended_at,
            databases=describe_tables(before, database.look()),
            folders=source.folders,
            files=summary.total_files_processed,
            bytes=summary.total_bytes_processed,
            added_bytes=summary.data_added_packed,
            contents=self._count(summary, source),
            base=base,
            why_whole=choice.why_whole,
            database_bytes=size,
            has_cache=not why_cold,
            left_out=left_out | ({contract.VALKEY_DATA: why_cold} if why_cold else {}),
        )
        self._write(made)
        self._wal.remove_unneeded(self.restic)
        return Made(made, time.monotonic() - began)

    # Describe and check

    def _describe(self) -> _Source:
        id_, settings = self.instance.id, self.fleet.settings
        observed = self.fleet.engine.observe()
        own = [each for each in observed.containers if each.instance == id_]
        postgres = observed.find_running(id_, Part.POSTGRES)
        if postgres is None:
            raise WbError(
                f"{id_} has no running PostgreSQL, and only a running one can be copied whole",
                f"`wb run {id_}` starts it.",
            )
        passwords = choose_passwords(settings, self.fleet.secrets.read(id_), is_initialised=True)
        if passwords is None:
            raise AssertionError("the passwords of a database are known, or choosing them raises")
        root, machine = instance_path(self.instance, settings), self.fleet.machine
        if machine is None:
            raise WbError("the machine of the engine cannot be looked at, so nothing is copied")
        wanted = (name for name in FOLDERS if name not in settings.backup_leave_out)
        return _Source(
            postgres=postgres,
            images={str(each.part): each.image_id for each in own if each.part},
            password=passwords.postgres,
            root=root,
            folders=tuple(name for name in wanted if machine.is_present(root / name)),
            staging=folder_of_copy(self.fleet, id_),
            valkey=next((each for each in own if each.part is Part.VALKEY), None),
        )

    def _check_room(self, source: _Source, database: Postgres) -> int:
        """Compare what the databases take with the room for a second copy of them.

        The WAL is stored as it is, so the repository needs room for what it does not have.
        """
        size = int(database.ask(MAINTENANCE, SIZE))
        if machine := self.fleet.machine:
            require_room_for_copy(machine, source.root, size)
            wal = self._wal.count_new_bytes(self.restic)
            if wal and self.restic.repository.is_folder:
                repository = Path(self.restic.repository.location)
                require_room_for_wal(machine, repository, wal, source.root, size)
        return size

    # Do

    def _copy_cache(self, source: _Source) -> str:
        """Copy the cache, if it is wanted. Say why it is left out: without it, too, it counts."""
        if not (self.takes_cache or self.fleet.settings.backup_cache):
            return "the setting backup_cache is off"
        data = source.root / contract.VALKEY_DATA
        self._make_staging(source)
        try:
            copy_cache(self.fleet, source.valkey, data, source.staging, self.options)
        except WbError as error:
            self.options.tell(f"the cache is left out: {error.headline}")
            return error.headline
        return ""

    def _copy(self, source: _Source, choice: Choice) -> Choice:
        """Copy the changes, or else everything, if PostgreSQL refuses. Give what was copied."""
        if choice.base:
            try:
                self._copy_database(source, self._read_files(choice.base))
            except WbError as error:
                self.options.tell(f"a whole copy is made: {error.headline}")
                choice = Choice(None, choice.line, error.headline)
            else:
                return choice
        self._copy_database(source, b"")
        return choice

    def _read_files(self, base: Backup) -> bytes:
        """Read which files a whole copy has. PostgreSQL wants the line break at the end, too."""
        path = f"{ROOT}/{contract.DATABASES}/{base_backup.FILES_OF_COPY}"
        return self.restic.read_file(base.id, path) + b"\n"

    def _copy_database(self, source: _Source, base: bytes) -> None:
        self._make_staging(source)
        takes_password = base_backup.copy_database(
            self.fleet.engine,
            source.postgres.id,
            source.postgres.image_id,
            source.password,
            source.staging,
            self.fleet.settings.labels,
            self.options.report,
            self.options.cancelled,
            base,
            self.fleet.settings.backup_limit_read,
            Priority(self.fleet.settings.backup_priority),
        )
        if not takes_password:
            self.options.tell(f"{base_backup.REFUSED}; the backup is whole, and a restore sets it")

    def _make_staging(self, source: _Source) -> None:
        if self.fleet.machine:
            self.fleet.machine.create(source.staging, (), {})

    def _store(self, source: _Source, choice: Choice, position: str, *, has_cache: bool) -> Summary:
        def show(progress: Progress) -> None:
            self.options.report(f"storing: {progress}")

        mounts = [TaskMount(str(source.staging / "data"), f"{ROOT}/{contract.DATABASES}")]
        mounts += [TaskMount(str(source.root / name), f"{ROOT}/{name}") for name in source.folders]
        if has_cache:
            mounts.append(TaskMount(str(source.staging / COPY), f"{ROOT}/{contract.VALKEY_DATA}"))
        mounts += self._wal.keep(ROOT)
        more = {"base": choice.base.origin if choice.base else "", "wal": position}
        tags = [*make_tags(self.instance.id, DATA), f"line={choice.line}"]
        tags += [f"{name}={value}" for name, value in more.items() if value]
        return self.restic.back_up(
            ROOT,
            tuple(tags),
            show,
            tuple(mounts),
            self._render_documents(),
            host=self.instance.id,
        )

    def _count(self, summary: Summary, source: _Source) -> dict[str, Content]:
        """Count what was stored of the folders. The instance may have changed them meanwhile."""
        if not source.folders:
            return {}
        listing = Listing(ROOT)
        folders = [f"{ROOT}/{name}" for name in source.folders]
        self.restic.list_files(summary.snapshot_id, folders, listing.add)
        return {name: Content(*listing.folders.get(name, (0, 0))) for name in source.folders}

    def _render_documents(self) -> dict[str, bytes]:
        """Render what another host needs besides the data. The repository encrypts it."""
        declared = json.dumps(dict(self.instance.raw), indent=2).encode()
        secrets = self.fleet.secrets.dump(self.instance.id)
        return {f"{ROOT}/{DECLARATION}": declared, f"{ROOT}/{SECRETS}": secrets}

    def _write(self, made: Manifest) -> None:
        tags = (*make_tags(self.instance.id, MANIFEST), f"of={made.snapshot}")
        files = {MANIFEST_PATH: manifest.render(made)}
        self.restic.back_up(MANIFEST_PATH, tags, lambda _: None, files=files)

    def _wait_until_told(self, database: Postgres, copied: float) -> None:
        """Wait until PostgreSQL tells everything that was written before the copy was made."""
        self.options.report("looking which tables were written to meanwhile")
        left = min(copied + TOLD_WITHIN_S - time.monotonic(), database.count_seconds_until_told())
        if self.options.cancelled.wait(max(0.0, left)):
            raise InterruptedError

    def _clean(self, source: _Source) -> None:
        self._wal.let_go()
        base_backup.remove_copy(
            self.fleet.engine,
            source.postgres.image_id,
            source.staging,
            self.fleet.settings.labels,
            threading.Event(),
        )
        if self.fleet.machine:
            self.fleet.machine.remove_if_empty(source.staging)
