"""Remove the folders of an instance for good."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli import contract
from wb_cli.errors import ExitCode, WbError
from wb_cli.host import folders
from wb_cli.lifecycle.folders import refuse_missing_mount_path
from wb_cli.lifecycle.guard.folders_in_use import find_claims, find_misplaced, find_users
from wb_cli.lifecycle.guard.preflight import PreflightError
from wb_cli.lifecycle.machine.here import THIS_MACHINE
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.lifecycle.record import black_box
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.registry import Registry
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.guard.problem import Problem
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.options import RunOptions


class Folder(Struct, frozen=True):
    """A folder to remove, and the bytes that it takes on its disk, if they could be counted."""

    path: Path
    bytes: int | None

    def __str__(self) -> str:
        """The folder as it is announced: ``/mnt/demo/sandbox (4.0 KiB)``."""
        size = "of unknown size" if self.bytes is None else describe_size(self.bytes)
        return f"{self.path} ({size})"


class Removal(Struct, frozen=True):
    """The folders of an instance that are removed, before or after their removal.

    ``kept`` is what else is in the instance's own folder. That folder stays, because of it.
    ``records`` is the folder of its crash records, if there are any. They stay, too.
    """

    instance: str
    folders: tuple[Folder, ...]
    kept: tuple[Path, ...] = ()
    forgets_secrets: bool = False
    records: Path | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        return ExitCode.OK

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remove."""
        return not self.folders and not self.forgets_secrets

    def as_document(self) -> dict[str, Any]:
        """Give the removal for ``--json``."""
        return {
            "folders": [
                {"path": str(folder.path), "bytes": folder.bytes} for folder in self.folders
            ],
            "kept": [str(path) for path in self.kept],
            "forgetsSecrets": self.forgets_secrets,
            "crashRecords": str(self.records) if self.records else None,
        }


class FolderRemoval(Struct, frozen=True):
    """Plans and does the removal of folders."""

    fleet: Fleet
    registry: Registry
    forget_secrets: bool = False

    @property
    def machine(self) -> Machine:
        """The machine on which the folders are."""
        return self.fleet.machine or THIS_MACHINE

    def plan(self, instance: Instance) -> Removal:
        """Say what would be removed of an instance. Nothing is changed.

        Raises:
            PreflightError: the folders are in use, or there is a reason not to remove them.
        """
        refuse_missing_mount_path(self.fleet.settings, self.machine)
        own = instance_path(instance, self.fleet.settings)
        paths = [own / name for name in (*contract.FOLDERS, contract.WAL, *contract.OF_RESTORE)]
        problems = [
            *find_misplaced(own, paths, self.fleet.settings, self.machine),
            *find_claims(own, instance, self.registry, self.fleet.settings, self.machine),
        ]
        _refuse(instance, problems or find_users(instance.id, paths, self.fleet, self.machine))
        entries = self.machine.list_entries(own)
        return Removal(
            instance.id,
            tuple(Folder(path, self.machine.measure(path)) for path in paths if path in entries),
            tuple(path for path in entries if path not in paths),
            self.forget_secrets and self.fleet.secrets.read(instance.id) is not None,
            _find_records(self.fleet.settings, instance.id),
        )

    def remove(self, instance: Instance, options: RunOptions) -> Removal:
        """Remove an instance's folders, and its secrets if ``forget_secrets`` is set.

        The caller holds the instance's lock. The folders stay locked from the last look at the
        engine until they are gone, so that wb starts no container on them meanwhile.

        Raises:
            PreflightError: as :func:`plan`. Nothing was changed.
            WbError: the removal ended midway. The message says what is left.
            InterruptedError: the removal was cancelled before it began.
        """

        def pause(seconds: float) -> None:
            if options.cancelled.wait(seconds):
                raise InterruptedError(instance.id)

        planned = self.plan(instance)
        with ExitStack() as held:
            for folder in planned.folders:
                held.enter_context(self.machine.folder_locked(folder.path, pause))
            paths = [folder.path for folder in planned.folders]
            _refuse(instance, find_users(instance.id, paths, self.fleet, self.machine))
            pause(0)
            _remove_all(planned, options, self.machine)
        if not planned.kept:
            self.machine.remove_if_empty(instance_path(instance, self.fleet.settings))
        if planned.forgets_secrets:
            self.fleet.secrets.remove(instance.id)
        return planned


def _find_records(settings: Settings, instance_id: str) -> Path | None:
    """Find the crash records of an instance. What its logs said is in them."""
    folder = black_box.folder_of(settings, instance_id)
    return folder if folders.is_present(folder) else None


def _remove_all(planned: Removal, options: RunOptions, machine: Machine) -> None:
    def check() -> None:
        if options.cancelled.is_set():
            raise WbError("interrupted; not all was removed")

    try:
        for folder in planned.folders:
            options.report(f"removing {folder}")
            check()
            machine.remove(folder.path, check)
    except WbError as error:
        left = [str(folder.path) for folder in planned.folders if machine.is_present(folder.path)]
        go_on = f"`wb remove-dirs {planned.instance}` goes on."
        raise WbError(
            f"{error.message}; still there, as a whole or in part: {', '.join(left)}",
            f"{error.hint} {go_on}".strip(),
        ) from error


def _refuse(instance: Instance, problems: Sequence[Problem]) -> None:
    if problems:
        raise PreflightError(instance.id, list(problems))
