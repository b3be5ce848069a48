"""The facts that the checks of wb doctor judge. Whatever could not be learnt is listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from wb_cli.engine.types import LABEL_REGISTRY, Observed
from wb_cli.host.database_files import DataVersion
from wb_cli.host.folders import is_same_path
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.observe.doctor.look_at_sites import Sites

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wb_cli.contract import Part
    from wb_cli.engine.description import EngineDescription
    from wb_cli.engine.types import ContainerDetail, ImageInfo, ObservedContainer
    from wb_cli.errors import WbError
    from wb_cli.host.disks import Disk
    from wb_cli.host.folders import Access, FolderProblem, Place
    from wb_cli.host.kernel import Usage
    from wb_cli.host.listeners import Listener
    from wb_cli.host.memory import Memory, Pressure
    from wb_cli.host.mounts import MountPoint
    from wb_cli.host.ports import PortRange
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.doubts import Doubt
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.instances.selectors import Selection
    from wb_cli.lifecycle.receiving.room import Received, Slot
    from wb_cli.lifecycle.record.backup_record import Copying
    from wb_cli.observe.backups import BackupStatus
    from wb_cli.observe.certificates import CertificateStatus


class Unknown(Struct, frozen=True):
    """A question without an answer. ``instance`` is empty where it is about the machine."""

    what: str
    reason: str
    instance: str = ""


class Folder(Struct, frozen=True):
    """One folder of an instance. ``writers`` are containers of others that mount it."""

    name: str
    path: str
    problem: FolderProblem | None
    place: Place
    access: Access | None = None
    is_closed_to_owner: bool = False
    writers: tuple[ObservedContainer, ...] = ()


class Database(Struct, frozen=True):
    """What a running PostgreSQL says of itself.

    ``takes_our_password`` is ``None`` where it is not known.
    """

    version: str
    has_checksums: bool
    clock_ahead_s: float
    takes_our_password: bool | None = None


class Difference(Struct, frozen=True):
    """How an instance's containers differ from what is declared.

    ``declared`` are the operator's changes, which ``wb run`` applies. ``drift`` is what changed
    beneath, such as an image, which ``wb restart`` applies.
    """

    declared: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()


class Known(Struct, frozen=True):
    """What is known of one declared instance.

    ``backup`` is ``None`` where no backups are made. ``backup_failure`` says how its last backup
    ended, if that was badly, ``is_trial_cut_off`` that wb was killed at its last trial.
    ``receiver`` is what its receiver of WAL says, ``None`` if it was not asked, because there is
    none or it does not run. ``received`` is how much WAL it has, ``slots`` are those for which
    PostgreSQL keeps WAL.
    """

    instance: Instance
    references: Mapping[Part, str] = field(default_factory=dict)
    images: Mapping[Part, ImageInfo | None] = field(default_factory=dict)
    folders: tuple[Folder, ...] = ()
    data_version: DataVersion = field(default_factory=DataVersion)
    database: Database | None = None
    difference: Difference = field(default_factory=Difference)
    certificate: CertificateStatus | None = None
    backup: BackupStatus | None = None
    backup_failure: str = ""
    is_trial_cut_off: bool = False
    receiver: str | None = None
    received: Received | None = None
    slots: tuple[Slot, ...] = ()


class Machine(Struct, frozen=True, kw_only=True):
    """What is known of this machine. An empty value means that it could not be learnt."""

    disks: tuple[Disk, ...] = ()
    memory: Memory | None = None
    pressures: tuple[Pressure, ...] = ()
    open_files: Usage | None = None
    tasks: Usage | None = None
    inotify_limit: int | None = None
    lost_mounts: tuple[MountPoint, ...] = ()
    listeners: Mapping[int, Listener] = field(default_factory=dict)
    ephemeral_ports: PortRange | None = None
    routes: tuple[str, ...] = ()
    is_engine_started_at_boot: bool | None = None
    has_autostart: bool | None = None
    has_schedule: bool | None = None
    private_files: tuple[Access, ...] = ()
    mount_path: FolderProblem | None = None
    owned: tuple[Access, ...] = ()
    sites: Sites = field(default_factory=Sites)


class Facts(Struct, frozen=True, kw_only=True):
    """Everything that the checks may look at.

    ``known`` are the chosen instances, ``refused`` the chosen refused entries. ``chooses_all`` says
    that nothing was left out, so that the machine is judged, too. ``engine_error`` is the reason if
    the engine does not answer. ``engine_choice`` names the variables that choose an engine.
    ``copies`` tell how backups came to further places. ``user`` is the number of the user who runs
    wb. ``overridden`` are settings that the environment decides although a file says otherwise.
    """

    settings: Settings
    registry: Registry = field(default_factory=Registry)
    registry_error: WbError | None = None
    doubts: tuple[Doubt, ...] = ()
    known: tuple[Known, ...] = ()
    refused: tuple[RefusedEntry, ...] = ()
    chooses_all: bool = True
    engine: EngineDescription | None = None
    engine_error: WbError | None = None
    engine_choice: tuple[str, ...] = ()
    is_local: bool = True
    user: int = 0
    overridden: tuple[str, ...] = ()
    observed: Observed = field(default_factory=Observed)
    details: Mapping[str, ContainerDetail] = field(default_factory=dict)
    machine: Machine = field(default_factory=Machine)
    copies: Mapping[str, Copying] = field(default_factory=dict)
    unknown: tuple[Unknown, ...] = ()

    def choose(self, selection: Selection) -> Facts:
        """Choose the instances and the refused entries that are judged."""
        known = tuple(Known(instance) for instance in selection.instances)
        return replace(self, known=known, refused=selection.refused)

    def containers_of(self, instance_id: str) -> Iterator[ObservedContainer]:
        """The containers of an instance that belong to this registry file."""
        for container in self.observed.containers:
            if container.instance == instance_id and self.is_ours(container):
                yield container

    def is_ours(self, container: ObservedContainer) -> bool:
        """Whether wb made a container for this registry file."""
        file = container.labels.get(LABEL_REGISTRY, "")
        return container.instance is not None and is_same_path(
            file, str(self.settings.servers_file)
        )
