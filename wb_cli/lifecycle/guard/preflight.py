"""Check all that a start needs before anything is changed. Each problem comes with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.contract import Role
from wb_cli.engine.types import LABEL_REGISTRY, State
from wb_cli.errors import WbError
from wb_cli.host import folders, ports
from wb_cli.host.folders import FolderProblem
from wb_cli.lifecycle.guard.writers import (
    DataFolder,
    describe_writer,
    find_writers,
    suggest_way_out,
)
from wb_cli.lifecycle.planning.desired import instance_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.engine.types import Observed, ObservedContainer, ObservedNetwork
    from wb_cli.instances.model import Instance
    from wb_cli.instances.settings import Settings
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance

# The folders to which only one server may write.
DATA_FOLDERS = (contract.DATABASES, contract.VALKEY_DATA)


class Problem(Struct, frozen=True):
    """Something that would make a start fail, and what to do about it."""

    message: str
    remedy: str


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
    """The facts that the checks need."""

    instance: Instance
    settings: Settings
    desired: Desired
    observed: Observed
    current: ObservedInstance
    is_local: bool

    def check(self) -> None:
        """Raise ``PreflightError`` with all problems, if there are any."""
        problems = [*self._check_names(), *self._check_images()]
        if self.is_local:
            folders = list(self._check_folders())
            disks = [] if folders else [*self._check_database(), *self._check_disks()]
            problems += [*folders, *self._check_writers(), *self._check_ports(), *disks]
        if problems:
            raise PreflightError(self.instance.id, problems)

    def _check_names(self) -> Iterator[Problem]:
        registry = str(self.settings.servers_file)
        return iter(find_foreign(self.instance.id, self.observed, registry))

    def _check_images(self) -> Iterator[Problem]:
        for spec in self.desired.containers:
            if spec.image not in self.current.image_ids:
                from wb_cli.lifecycle.planning.missing_image import suggest_remedy

                yield Problem(
                    f"the image {spec.image} of {spec.role} is not on this engine",
                    suggest_remedy(self.instance, spec.role, spec.image),
                )

    def _check_folders(self) -> Iterator[Problem]:
        mount_path = self.settings.mount_path
        trouble = folders.find_problem(mount_path)
        if trouble:
            problem = "is not there" if trouble is FolderProblem.MISSING else trouble
            remedy = "If it is a volume, mount it; else create it, or set MOUNT_PATH."
            if trouble is FolderProblem.UNREADABLE:
                remedy = self._suggest_remedy(trouble)
            yield Problem(f"the mount path {mount_path} {problem}", remedy)
            return
        for name in contract.FOLDERS:
            path = instance_path(self.instance, self.settings) / name
            trouble = folders.find_problem(path)
            if trouble:
                what = path if trouble is FolderProblem.NOT_A_FOLDER else f"the folder {path}"
                yield Problem(f"{what} {trouble}", self._suggest_remedy(trouble))

    def _check_database(self) -> Iterator[Problem]:
        """Check that PostgreSQL can reach its database: else it would initialise a new one."""
        folder = instance_path(self.instance, self.settings) / contract.DATABASES
        if folders.is_closed_to_owner_of(folder / "pgdata"):
            yield Problem(
                f"the folder {folder} is closed to the user who owns the database in it",
                f"`chmod 755 {folder}` opens it.",
            )

    def _suggest_remedy(self, trouble: FolderProblem) -> str:
        if trouble is FolderProblem.UNREADABLE:
            return "Let this user read it, or run wb as root."
        first = "Move it away, then " if trouble is FolderProblem.NOT_A_FOLDER else ""
        return f"{first}`wb init-dirs {self.instance.id}` creates what is missing."

    def _check_writers(self) -> Iterator[Problem]:
        for spec in self.desired.containers:
            if not spec.data_folder:
                continue
            folder = DataFolder(spec.instance, spec.role, spec.data_folder)
            for writer in find_writers(self.observed, folder, is_local=self.is_local):
                if writer.instance != self.instance.id:
                    yield Problem(describe_writer(folder.path, writer), suggest_way_out(writer))

    def _check_ports(self) -> Iterator[Problem]:
        # Addresses do not matter here: the instance gives up its port on the old address.
        active = (container for container in self.current.containers if container.is_active)
        ours = {port.host for container in active for port in container.ports}
        # A killed command may have asked for its start, and the start may have taken the port.
        starting = {
            container.name
            for container in self.current.containers
            if container.state is State.CREATED
        }
        for spec in self.desired.containers:
            for port in spec.ports if spec.name not in starting else ():
                if not ports.is_address_here(port.address):
                    yield Problem(
                        f"this host has no address {port.address} ({spec.role})",
                        "`wb config fields` and `wb config settings` say where it is set.",
                    )
                elif port.host not in ours and not ports.is_free(port.host, port.address):
                    yield Problem(
                        f"port {port.host} on {port.address} ({spec.role}) is taken"
                        f"{self._name_holder(port.host)}",
                        f"Free it, or choose another: `wb config set {self.instance.id} port=...`.",
                    )

    def _name_holder(self, number: int) -> str:
        names = [
            container.name
            for container in self.observed.containers
            for port in container.ports
            if port.host == number
        ]
        return f" by the container {names[0]}" if names else ""

    def _check_disks(self) -> Iterator[Problem]:
        folder = instance_path(self.instance, self.settings)
        for path in folders.pick_one_per_disk(folder / name for name in DATA_FOLDERS):
            free = folders.count_free_bytes(path)
            if folders.is_read_only(path):
                yield Problem(f"the disk of {path} is read-only", "Mount it such that it is not.")
            elif free < folders.ENOUGH_BYTES:
                yield Problem(
                    f"only {free // 1024**2} MiB are free at {path}",
                    "PostgreSQL stops on a full disk; free some space first.",
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
            f"a container or network named {name} is there and is not wb's",
            f"Look at it with `docker inspect {name}`; remove or rename it to go on.",
        )
        for name in find_foreign_names(instance, observed)
    ]
    others = [
        Problem(
            f"the {instance} that this engine has belongs to the registry file {other}",
            f"Work on it with `wb --servers-file {other}`; stopped there, the id is free here.",
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


def find_foreign_names(instance: str, observed: Observed) -> list[str]:
    """Find the containers and networks that have an instance's names but not its label."""
    names = {role.container_name(instance) for role in Role}
    containers = [c.name for c in observed.containers if c.name in names and c.instance != instance]
    networks = [n.name for n in observed.networks if n.name == instance and n.instance != instance]
    return containers + networks
