"""Check all that a start needs before anything is changed. Each problem comes with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.contract import Part
from wb_cli.engine.types import LABEL_REGISTRY
from wb_cli.errors import WbError
from wb_cli.host import folders
from wb_cli.host.folders import FolderProblem
from wb_cli.lifecycle.folders import describe_troubles, is_configured
from wb_cli.lifecycle.guard import first_start, half_restored
from wb_cli.lifecycle.guard.first_start import DataState
from wb_cli.lifecycle.guard.ports import find_taken
from wb_cli.lifecycle.guard.problem import Obstacle, Problem
from wb_cli.lifecycle.guard.writers import (
    DataFolder,
    describe_writer,
    find_writers,
    suggest_way_out,
)
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.engine.types import Observed, ObservedContainer, ObservedNetwork
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.guard.database_version import Versions
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance

# The folders to which only one server may write.
DATA_FOLDERS = (contract.DATABASES, contract.VALKEY_DATA)


class PreflightError(WbError):
    """An instance cannot be started as things are; nothing was changed."""

    def __init__(self, instance: str, problems: list[Problem]) -> None:
        first, *others = problems
        message = "".join([first.message, *(f"; {other.message}" for other in others)])
        remedies = list(dict.fromkeys(problem.remedy for problem in problems))
        super().__init__(f"{instance} was left as it is: {message}", " ".join(remedies))
        self.problems = tuple(problems)
        if len(remedies) > 1:
            self.overview = f"{instance} was left as it is: {len(problems)} things are in the way"
            self.details = tuple(f"{self._with(remedy)}. {remedy}" for remedy in remedies)

    def _with(self, remedy: str) -> str:
        """Join the problems that have this remedy."""
        return "; ".join(problem.message for problem in self.problems if problem.remedy == remedy)


class Preflight(Struct, frozen=True):
    """The facts that the checks need.

    ``versions`` are those of the database and of the image that starts it, if one is started.
    """

    instance: Instance
    settings: Settings
    desired: Desired
    observed: Observed
    current: ObservedInstance
    machine: Machine | None
    data: DataState = DataState.THERE
    versions: Versions | None = None

    def check(self) -> None:
        """Raise ``PreflightError`` with all problems, if there are any."""
        if problems := self.find_problems():
            raise PreflightError(self.instance.id, problems)

    def find_problems(self) -> list[Problem]:
        """Find all that would make a start fail."""
        problems = [*self._check_names(), *self._check_images()]
        if machine := self.machine:
            problems += self._look_at_machine(machine)
        return problems

    def _look_at_machine(self, machine: Machine) -> Iterator[Problem]:
        folders = list(self._check_folders(machine))
        yield from folders
        yield from self._check_writers(machine)
        yield from self._check_ports(machine)
        yield from self._check_restore(machine)
        if not folders:
            yield from self._check_database(machine)
            yield from self._check_disks(machine)

    def _check_restore(self, machine: Machine) -> Iterator[Problem]:
        """Find a restore that was cut off while it moved folders: some are of another time."""
        left = half_restored.look(machine, instance_path(self.instance, self.settings))
        if left in half_restored.IN_THE_WAY:
            remedy = half_restored.suggest(left, self.instance.id)
            yield Problem(left.value, remedy, Obstacle.HALF_RESTORED)

    def _check_names(self) -> Iterator[Problem]:
        registry = str(self.settings.servers_file)
        return iter(find_foreign(self.instance.id, self.observed, registry))

    def _check_images(self) -> Iterator[Problem]:
        for spec in self.desired.containers:
            if spec.image not in self.current.images:
                from wb_cli.lifecycle.planning.missing_image import suggest_remedy

                yield Problem(
                    f"the image {spec.image} of {spec.part} is not on this engine",
                    suggest_remedy(self.instance, spec.part, spec.image),
                    Obstacle.IMAGE_MISSING,
                )

    def _check_folders(self, machine: Machine) -> Iterator[Problem]:
        mount_path = self.settings.mount_path
        if self.data is not DataState.THERE and (
            volume := machine.find_unmounted_volume(mount_path)
        ):
            yield Problem(*first_start.describe_unmounted(volume, mount_path), Obstacle.MOUNT_PATH)
            return
        trouble = machine.find_problem(mount_path)
        is_new = self.data is DataState.NEW
        if is_new and trouble is FolderProblem.MISSING and not is_configured(self.settings):
            return
        if trouble:
            problem = "is not there" if trouble is FolderProblem.MISSING else trouble
            remedy = (
                f"If it is a volume, mount it; else create it: `mkdir -p {mount_path}`, "
                "or set MOUNT_PATH."
            )
            if trouble is FolderProblem.UNREADABLE:
                remedy = self._suggest_remedy(trouble)
            yield Problem(f"the mount path {mount_path} {problem}", remedy, Obstacle.MOUNT_PATH)
            return
        if is_new:
            return
        if self.data is DataState.LOST:
            folder = instance_path(self.instance, self.settings)
            loss = first_start.describe_loss(
                self.instance, folder, mount_path, machine.find_unmounted_volume(folder)
            )
            yield Problem(*loss, Obstacle.FOLDER)
            return
        folder = instance_path(self.instance, self.settings)
        for what, trouble in describe_troubles(folder, machine):
            yield Problem(what, self._suggest_remedy(trouble), Obstacle.FOLDER)

    def _check_database(self, machine: Machine) -> Iterator[Problem]:
        """Check that PostgreSQL can reach its database: else it would initialise a new one."""
        folder = instance_path(self.instance, self.settings) / contract.DATABASES
        if machine.is_closed_to_owner_of(folder / contract.PGDATA_NAME):
            yield Problem(
                f"the folder {folder} is closed to the user who owns the database in it",
                f"`chmod 755 {folder}` opens it.",
                Obstacle.DATABASE_CLOSED,
            )
        if self.versions and (mismatch := self.versions.find_problem()):
            yield Problem(*mismatch, Obstacle.DATABASE_VERSION)

    def _suggest_remedy(self, trouble: FolderProblem) -> str:
        if trouble is FolderProblem.UNREADABLE:
            return "Let this user read it, or run wb as root."
        first = "Move it away, then " if trouble is FolderProblem.NOT_A_FOLDER else ""
        return f"{first}`wb init-dirs {self.instance.id}` creates what is missing."

    def _check_writers(self, machine: Machine) -> Iterator[Problem]:
        for spec in self.desired.containers:
            if not spec.data_folder:
                continue
            folder = DataFolder(spec.instance, spec.part, spec.data_folder)
            for writer in find_writers(self.observed.containers, folder, machine=machine):
                if writer.instance != self.instance.id:
                    yield Problem(
                        describe_writer(folder.path, writer),
                        suggest_way_out(writer),
                        Obstacle.DATA_IN_USE,
                    )

    def _check_ports(self, machine: Machine) -> Iterator[Problem]:
        return find_taken(self.desired, self.current, self.observed, machine)

    def _check_disks(self, machine: Machine) -> Iterator[Problem]:
        folder = instance_path(self.instance, self.settings)
        for disk in machine.find_disks(folder / name for name in DATA_FOLDERS):
            if disk.is_read_only:
                yield Problem(
                    f"the disk of {disk.path} is read-only",
                    "Mount it such that it is not.",
                    Obstacle.DISK,
                )
            elif disk.free_bytes < folders.ENOUGH_BYTES:
                yield Problem(
                    f"only {describe_size(disk.free_bytes)} are free at {disk.path}",
                    "PostgreSQL stops on a full disk; free some space first.",
                    Obstacle.DISK,
                )


def refuse_foreign(instance: str, observed: Observed, registry: str) -> None:
    """Raise ``PreflightError`` if an instance's names are used by what another owner made."""
    problems = find_foreign(instance, observed, registry)
    if problems:
        raise PreflightError(instance, problems)


def find_foreign(instance: str, observed: Observed, registry: str) -> list[Problem]:
    """Find what has an instance's names and belongs to another registry file, or not to wb."""
    strangers = [
        Problem(
            f"a {kind} named {name} is there and is not wb's",
            f"`wb adopt {instance}` takes over what an older tool left running; if it is something "
            f"else, look at it with `docker inspect {name}`, and remove or rename it.",
            Obstacle.NAME_TAKEN,
        )
        for kind, name in find_foreign_names(instance, observed)
    ]
    others = [
        Problem(
            f"the {instance} that this engine has belongs to the registry file {other}",
            f"Work on it with `wb --servers-file {other}`; stopped there, the id is free here.",
            Obstacle.NAME_TAKEN,
        )
        for other in sorted(_read_registries(instance, observed))
        if not folders.is_same_path(other, registry)
    ]
    return strangers + others


def _read_registries(instance: str, observed: Observed) -> set[str]:
    """Read from the labels to which registry files an instance belongs on this engine."""
    things: tuple[ObservedContainer | ObservedNetwork, ...] = (
        *observed.containers,
        *observed.networks,
    )
    owned = (thing for thing in things if thing.instance == instance)
    return {thing.labels[LABEL_REGISTRY] for thing in owned if LABEL_REGISTRY in thing.labels}


def find_foreign_names(instance: str, observed: Observed) -> list[tuple[str, str]]:
    """Find the containers and networks that have an instance's names but not its label.

    A container is called ``container`` with its state: ``running container``.
    """
    names = {part.container_name(instance) for part in Part}
    containers = [
        (f"{c.state} container", c.name)
        for c in observed.containers
        if c.name in names and c.instance != instance
    ]
    networks = [
        ("network", n.name)
        for n in observed.networks
        if n.name == instance and n.instance != instance
    ]
    return containers + networks
