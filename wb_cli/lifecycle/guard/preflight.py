"""What must be true before anything is changed: checked first, all of it, each with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.contract import Role
from wb_cli.engine.types import LABEL_REGISTRY, State
from wb_cli.errors import WbError
from wb_cli.host import folders, ports
from wb_cli.host.folders import FolderProblem
from wb_cli.lifecycle.guard.writers import Part, in_use, way_out, writers
from wb_cli.lifecycle.planning.desired import instance_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.engine.types import Observed
    from wb_cli.instances.model import Instance
    from wb_cli.instances.settings import Settings
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance

# The folders that only one server may write to.
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
        """The problems that one remedy is for."""
        return "; ".join(each.message for each in self.problems if each.remedy == remedy)


class Preflight(Struct, frozen=True):
    """The facts that the checks look at."""

    instance: Instance
    settings: Settings
    desired: Desired
    observed: Observed
    current: ObservedInstance
    is_local: bool

    def check(self) -> None:
        """Raise ``PreflightError`` with everything that is in the way."""
        problems = [*self._names(), *self._images()]
        if self.is_local:
            folders = list(self._folders())
            disks = [] if folders else [*self._database(), *self._disks()]
            problems += [*folders, *self._data_in_use(), *self._ports(), *disks]
        if problems:
            raise PreflightError(self.instance.id, problems)

    def _names(self) -> Iterator[Problem]:
        registry = str(self.settings.servers_file)
        return iter(foreign(self.instance.id, self.observed, registry))

    def _images(self) -> Iterator[Problem]:
        for spec in self.desired.containers:
            if spec.image not in self.current.image_ids:
                from wb_cli.lifecycle.planning.missing_image import remedy_of_missing_image

                yield Problem(
                    f"the image {spec.image} of {spec.role} is not on this engine",
                    remedy_of_missing_image(self.instance, spec.role, spec.image),
                )

    def _folders(self) -> Iterator[Problem]:
        mount_path = self.settings.mount_path
        trouble = folders.find_problem(mount_path)
        if trouble:
            words = "is not there" if trouble is FolderProblem.MISSING else trouble
            remedy = "If it is a volume, mount it; else create it, or set MOUNT_PATH."
            if trouble is FolderProblem.UNREADABLE:
                remedy = self._remedy(trouble)
            yield Problem(f"the mount path {mount_path} {words}", remedy)
            return
        for name in contract.FOLDERS:
            path = instance_path(self.instance, self.settings) / name
            trouble = folders.find_problem(path)
            if trouble:
                what = path if trouble is FolderProblem.NOT_A_FOLDER else f"the folder {path}"
                yield Problem(f"{what} {trouble}", self._remedy(trouble))

    def _database(self) -> Iterator[Problem]:
        """PostgreSQL takes a database that it cannot reach for one that is not there yet."""
        folder = instance_path(self.instance, self.settings) / contract.DATABASES
        if folders.is_closed_to_owner_of(folder / "pgdata"):
            yield Problem(
                f"the folder {folder} is closed to the user who owns the database in it",
                f"`chmod 755 {folder}` opens it.",
            )

    def _remedy(self, trouble: FolderProblem) -> str:
        if trouble is FolderProblem.UNREADABLE:
            return "Let this user read it, or run wb as root."
        first = "Move it away, then " if trouble is FolderProblem.NOT_A_FOLDER else ""
        return f"{first}`wb init-dirs {self.instance.id}` creates what is missing."

    def _data_in_use(self) -> Iterator[Problem]:
        for spec in self.desired.containers:
            part = Part(spec.instance, spec.role, spec.data_folder)
            others = writers(self.observed, part, is_local=self.is_local) if part.folder else ()
            for container in others:
                if container.instance != self.instance.id:
                    yield Problem(in_use(part.folder, container), way_out(container))

    def _ports(self) -> Iterator[Problem]:
        # By number: ours on one address is no obstacle to ours on another.
        active = (each for each in self.current.containers if each.is_active)
        ours = {port.host for each in active for port in each.ports}
        # A start that a killed command asked for may be under way, and have taken the port.
        starting = {each.name for each in self.current.containers if each.state is State.CREATED}
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
                        f"{self._taker(port.host)}",
                        f"Free it, or choose another: `wb config set {self.instance.id} port=...`.",
                    )

    def _taker(self, port: int) -> str:
        names = [
            each.name for each in self.observed.containers for p in each.ports if p.host == port
        ]
        return f" by the container {names[0]}" if names else ""

    def _disks(self) -> Iterator[Problem]:
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
    """Raise ``PreflightError`` where what bears our names is not ours to touch."""
    problems = foreign(instance, observed, registry)
    if problems:
        raise PreflightError(instance, problems)


def foreign(instance: str, observed: Observed, registry: str) -> list[Problem]:
    """What bears an instance's names and is not of this registry file: not wb's, or another's."""
    strangers = [
        Problem(
            f"a container or network named {name} is there and is not wb's",
            f"Look at it with `docker inspect {name}`; remove or rename it to go on.",
        )
        for name in foreign_names(instance, observed)
    ]
    others = [
        Problem(
            f"the {instance} that this engine has belongs to the registry file {other}",
            f"Work on it with `wb --servers-file {other}`; stopped there, the id is free here.",
        )
        for other in sorted(_registries(instance, observed))
        if not folders.is_same_path(other, registry)
    ]
    return strangers + others


def _registries(instance: str, observed: Observed) -> set[str]:
    """The registry files that the engine's containers and networks of an instance stand in."""
    labels = [
        *(each.labels for each in observed.containers if each.instance == instance),
        *(each.labels for each in observed.networks if each.instance == instance),
    ]
    return {label[LABEL_REGISTRY] for label in labels if LABEL_REGISTRY in label}


def foreign_names(instance: str, observed: Observed) -> list[str]:
    """Containers and networks that bear an instance's names without its label."""
    names = {role.container_name(instance) for role in Role}
    containers = [c.name for c in observed.containers if c.name in names and c.instance != instance]
    networks = [n.name for n in observed.networks if n.name == instance and n.instance != instance]
    return containers + networks
