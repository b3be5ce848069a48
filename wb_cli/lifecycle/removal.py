"""Remove the folders of an instance for good."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli import contract
from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.errors import ExitCode, WbError
from wb_cli.host import folders, removal
from wb_cli.host.folders import is_same_path
from wb_cli.lifecycle.folders import refuse_missing_mount_path
from wb_cli.lifecycle.guard.folder_lock import folder_locked
from wb_cli.lifecycle.guard.preflight import PreflightError, Problem
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wb_cli.engine.types import Observed, ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry import Registry
    from wb_cli.instances.settings import Settings
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

BY_HAND = "wb removes nothing that lies elsewhere: see to it by hand."


class Folder(Struct, frozen=True):
    """A folder to remove, and the bytes that it takes on its disk."""

    path: Path
    bytes: int

    def __str__(self) -> str:
        """The folder as it is announced: ``/mnt/demo/sandbox (4.0 KiB)``."""
        return f"{self.path} ({describe_size(self.bytes)})"


class Removal(Struct, frozen=True):
    """The folders of an instance that are removed, before or after their removal.

    ``kept`` is what else is in the instance's own folder. That folder stays, because of it.
    """

    instance: str
    folders: tuple[Folder, ...]
    kept: tuple[Path, ...] = ()
    forgets_secrets: bool = False

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
        }


class FolderRemoval(Struct, frozen=True):
    """Plans and does the removal of folders."""

    fleet: Fleet
    registry: Registry
    forget_secrets: bool = False

    def plan(self, instance: Instance) -> Removal:
        """Say what would be removed of an instance. Nothing is changed.

        Raises:
            PreflightError: the folders are in use, or there is a reason not to remove them.
        """
        _refuse_remote(self.fleet, instance.id)
        refuse_missing_mount_path(self.fleet.settings)
        own = instance_path(instance, self.fleet.settings)
        paths = [own / name for name in contract.FOLDERS]
        problems = [
            *_find_misplaced(own, paths, self.fleet.settings),
            *_find_claims(own, instance, self.registry, self.fleet.settings),
        ]
        _refuse(instance, problems or _find_users(instance.id, paths, self.fleet))
        entries = removal.list_entries(own)
        return Removal(
            instance.id,
            tuple(Folder(path, removal.measure(path)) for path in paths if path in entries),
            tuple(path for path in entries if path not in paths),
            self.forget_secrets and self.fleet.secrets.read(instance.id) is not None,
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
                held.enter_context(folder_locked(folder.path, pause))
            paths = [folder.path for folder in planned.folders]
            _refuse(instance, _find_users(instance.id, paths, self.fleet))
            pause(0)
            _remove_all(planned, options)
        if not planned.kept:
            removal.remove_if_empty(instance_path(instance, self.fleet.settings))
        if planned.forgets_secrets:
            self.fleet.secrets.remove(instance.id)
        return planned


def _refuse_remote(fleet: Fleet, instance_id: str) -> None:
    if not fleet.engine.is_local:
        where = fleet.engine.read_info().endpoint
        raise WbError(
            f"the Docker Engine at {where} is on another machine, and so are {instance_id}'s "
            "folders",
            "Run `wb remove-dirs` on the machine where the engine runs.",
        )


def _remove_all(planned: Removal, options: RunOptions) -> None:
    def check() -> None:
        if options.cancelled.is_set():
            raise WbError("interrupted; not all was removed")

    try:
        for folder in planned.folders:
            options.report(f"removing {folder}")
            removal.remove(folder.path, check)
    except WbError as error:
        left = [str(folder.path) for folder in planned.folders if folders.is_present(folder.path)]
        go_on = f"`wb remove-dirs {planned.instance}` goes on."
        raise WbError(
            f"{error.message}; still there, as a whole or in part: {', '.join(left)}",
            f"{error.hint} {go_on}".strip(),
        ) from error


def _refuse(instance: Instance, problems: Sequence[Problem]) -> None:
    if problems:
        raise PreflightError(instance.id, list(problems))


def _find_misplaced(own: Path, paths: Sequence[Path], settings: Settings) -> Iterator[Problem]:
    """Find folders that are not where they seem to be, or hold more than an instance's data."""
    real = Path(folders.locate(settings.mount_path).name, own.relative_to(settings.mount_path))
    if Path(folders.locate(own).name) != real:
        yield Problem(f"a symbolic link leads to the folder {own}", BY_HAND)
        return
    trouble = folders.find_problem(own)
    if trouble:
        if trouble is not folders.FolderProblem.MISSING:
            yield Problem(f"the folder {own} {trouble}", "Check who owns it, or run wb as root.")
        return
    for path in paths:
        if path.is_symlink():
            yield Problem(f"{path} is a symbolic link to {path.readlink()}", BY_HAND)
        elif path.exists() and not path.is_dir():
            yield Problem(f"{path} is not a folder", BY_HAND)
    for point in removal.find_mount_points(own):
        yield Problem(f"something is mounted at {point}", f"`umount {point}` comes first.")
    precious = {
        "the home folder": Path.home(),
        "the mount path": settings.mount_path,
        "the registry file": settings.servers_file,
        "the folder of secrets": settings.secrets_dir,
        "the settings": settings.config_file,
    }
    for name, path in precious.items():
        if _is_at_or_below(path, own):
            yield Problem(f"the folder {own} holds {name} ({path})", BY_HAND)


def _find_claims(
    own: Path, instance: Instance, registry: Registry, settings: Settings
) -> Iterator[Problem]:
    """Find other entries, also refused ones, that use the folder or a folder in it."""
    others = [(other.id, other.folder) for other in registry.instances if other.id != instance.id]
    raws = [(entry.title, entry.raw) for entry in registry.refused if isinstance(entry.raw, dict)]
    refused = [(title, raw.get("instanceDir") or raw.get("id")) for title, raw in raws]
    for title, name in (*others, *refused):
        if isinstance(name, str) and _is_at_or_below(settings.mount_path / name, own):
            yield Problem(
                f"the folder {own} is also {title}'s, or holds it",
                "`wb config set <id> instanceDir=...` tells two instances' folders apart.",
            )


def _is_at_or_below(path: Path, folder: Path) -> bool:
    inner, outer = folders.locate(path), folders.locate(folder)
    is_same = inner.inode is not None and inner.inode == outer.inode
    return is_same or Path(inner.name).is_relative_to(outer.name)


def _find_users(instance_id: str, paths: Sequence[Path], fleet: Fleet) -> list[Problem]:
    """Find the containers that are in the way, as the engine lists them now."""
    observed = fleet.engine.observe()
    own = _find_own(instance_id, observed, str(fleet.settings.servers_file))
    problems = []
    if own:
        names = ", ".join(container.name for container in own)
        problems.append(
            Problem(f"its containers are there: {names}", f"`wb stop {instance_id}` removes them.")
        )
    places = [folders.locate(path) for path in paths]
    others = (container for container in observed.containers if container not in own)
    return problems + [
        Problem(
            f"the container {container.name} ({container.state}) mounts {used}",
            f"Stop it and remove it first, if nothing needs it: `docker rm -f {container.name}`.",
        )
        for container in others
        if (used := _find_mount_in_the_way(container, places))
    ]


def _find_own(instance_id: str, observed: Observed, registry_file: str) -> list[ObservedContainer]:
    """Find the instance's containers, in any state and under any name."""
    return [
        container
        for container in observed.containers
        if container.labelled_instance == instance_id
        and is_same_path(container.labels.get(LABEL_REGISTRY, registry_file), registry_file)
    ]


def _find_mount_in_the_way(
    container: ObservedContainer, places: Sequence[folders.Place]
) -> str | None:
    """Give the path that a container mounts and that is one of these folders, above one or in one.

    A container that only reads a folder above, such as a backup or a monitor of the whole disk, is
    not in the way.
    """
    for path in container.writes_to:
        if any(folders.locate(path).overlaps(place) for place in places):
            return path
    for path in container.reads_from:
        if any(_is_at_or_below(Path(path), Path(place.name)) for place in places):
            return path
    return None
