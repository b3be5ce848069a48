"""What a container or network must be (Spec), and what the engine has (Observed)."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath

from msgspec import Struct, field

from wb_cli.contract import CARRIER_SUFFIX, DATA_PATHS, PREVIOUS_SUFFIX, Part
from wb_cli.secret import Secret

# wb puts these labels on everything that it makes. It finds its containers and networks by them and
# never parses names.
LABEL_INSTANCE = "wb.instance"
LABEL_ROLE = "wb.role"
LABEL_SPEC = "wb.spec"
LABEL_DECLARED = "wb.declared"
LABEL_VERSION = "wb.version"
LABEL_REGISTRY = "wb.registry"
LOG_MAX_SIZE, LOG_MAX_FILES = 10 * 1024**2, 3
LABEL_OUTPOST = "wb.outpost"


class State(StrEnum):
    """The state of a container, in the engine's own words.

    A word that this version of wb does not know is read as ``UNKNOWN``. Such a container counts as
    active, because it may be running.
    """

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "State":  # noqa: ARG003  (what an enum is asked with)
        return cls.UNKNOWN

    @property
    def is_active(self) -> bool:
        """Whether its process is alive or may be, or the engine restarts it."""
        return self in {State.RUNNING, State.PAUSED, State.RESTARTING, State.UNKNOWN}

    @property
    def is_lost(self) -> bool:
        """Whether the engine could not remove it, or has not removed it yet."""
        return self in {State.DEAD, State.REMOVING}

    @property
    def has_ended(self) -> bool:
        """Whether its last process has ended, so that there is an exit code."""
        return self in {State.EXITED, State.DEAD, State.RESTARTING}


class RestartPolicy(StrEnum):
    """Whether the engine starts a container again when it ends, in the engine's own words.

    These are the two that wb sets. A container may have another one, set by hand.
    """

    NO = "no"
    ALWAYS = "always"


class Health(StrEnum):
    """The result of an image's own health check, in the engine's words.

    ``NONE`` stands for an image without a health check, and for a word that wb does not know.
    """

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"

    @classmethod
    def _missing_(cls, value: object) -> "Health":  # noqa: ARG003  (what an enum is asked with)
        return cls.NONE


class Mount(Struct, frozen=True):
    """A host path that is mounted into a container. The source must exist."""

    source: str
    target: str


class Port(Struct, frozen=True):
    """A container's TCP port published on the host."""

    container: int
    host: int
    address: str = "127.0.0.1"

    def __str__(self) -> str:
        """The address and port, as in a URL: ``127.0.0.1:9000``, ``[::1]:9000``."""
        return f"{put_in_brackets(self.address)}:{self.host}"


def put_in_brackets(address: str) -> str:
    """Put an IPv6 address in brackets, as a URL needs it."""
    return f"[{address}]" if ":" in address else address


class SecretFile(Struct, frozen=True):
    """A file that is copied into a created container. Only root may read it.

    In the container, the environment variable ``variable`` has the path of the file.
    """

    variable: str
    path: str
    content: Secret

    @property
    def folder(self) -> str:
        """The folder of secret files that it lies in, or below: ``/run/wb``."""
        return str(PurePosixPath(*PurePosixPath(self.path).parent.parts[:3]))


class ContainerSpec(Struct, frozen=True):
    """What one container of an instance must be. Memory in bytes, stop timeout in seconds.

    With ``auto_remove`` the engine removes the container when it ends. Without it, wb has the
    engine supervise the container once it is ready. ``suffix`` is added to the name of a container
    that works on the folder of a part for a moment. ``first_environment`` are variables that matter
    at the container's first start alone.
    """

    instance: str
    part: Part
    image: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str | Secret] = field(default_factory=dict)
    first_environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Port, ...] = ()
    secret_files: tuple[SecretFile, ...] = ()
    stop_timeout: int = 10
    memory: int | None = None
    cpus: float | None = None
    shm_size: int | None = None
    log_max_size: int = LOG_MAX_SIZE
    log_max_files: int = LOG_MAX_FILES
    auto_remove: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""

    @property
    def name(self) -> str:
        """The container's name, which is also its alias on the instance's network."""
        return self.part.container_name(self.instance) + self.suffix

    @property
    def data_folder(self) -> str:
        """The host path of the data that only this container may write to; ``""`` for none."""
        sources = (mount.source for mount in self.mounts if mount.target in DATA_PATHS)
        return next(sources, "")


class NetworkSpec(Struct, frozen=True):
    """The bridge network of an instance. The subnet is in CIDR notation."""

    instance: str
    subnet: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The network's name: the instance's id."""
        return self.instance


class ObservedContainer(Struct, frozen=True):
    """A container as the engine lists it.

    ``status`` is the engine's own text ("Up 5 minutes"). ``writes_to`` are the host paths that it
    mounts writable, ``reads_from`` the host paths that it mounts read-only. ``data_folder`` is the
    host path of the server's data, to which it writes ("" if there is none). ``networks`` are ids.
    ``addresses`` maps the names of the networks to its addresses there ("" if it has none now).
    ``is_stopping`` says that it was sent a stop signal and has not ended yet. ``created`` is in
    seconds since the epoch. ``has_crashed`` says that the engine remembers its last end, which was
    bad and nobody asked for.
    """

    id: str
    name: str
    state: State
    status: str
    image: str
    image_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    writes_to: tuple[str, ...] = ()
    reads_from: tuple[str, ...] = ()
    data_folder: str = ""
    networks: tuple[str, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    is_stopping: bool = False
    created: float = 0.0
    has_crashed: bool = False

    @property
    def instance(self) -> str | None:
        """The instance that it belongs to; ``None`` if the container is not wb's.

        The label alone does not prove it: a container that is made from a commit of wb's container
        inherits the label. So its name must be one of the instance's names, too.
        """
        instance = self.labelled_instance
        return instance if instance and self.name in list_names(instance, self.part) else None

    @property
    def labelled_instance(self) -> str | None:
        """The instance that its label names, whatever the name of the container is."""
        return self.labels.get(LABEL_INSTANCE)

    @property
    def part(self) -> Part | None:
        """Its part in the instance, by label."""
        value = self.labels.get(LABEL_ROLE)
        return Part(value) if value in set(Part) else None

    @property
    def is_running(self) -> bool:
        """Whether its process runs now."""
        return self.state is State.RUNNING

    @property
    def is_active(self) -> bool:
        """Whether its process is alive or may be, or the engine restarts it."""
        return self.state.is_active


def list_names(instance: str, part: Part | None) -> set[str]:
    """List the possible names of a container of an instance. Without a part, list all parts'."""
    names = {each.container_name(instance) for each in ([part] if part else Part)}
    suffixes = ("", PREVIOUS_SUFFIX, CARRIER_SUFFIX)
    return {name + suffix for name in names for suffix in suffixes}


class ObservedNetwork(Struct, frozen=True):
    """A network as the engine lists it."""

    id: str
    name: str
    subnets: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def instance(self) -> str | None:
        """The instance that it belongs to, by label."""
        return self.labels.get(LABEL_INSTANCE)


class Observed(Struct, frozen=True):
    """All containers and networks that the engine listed at one moment, wb's and others'."""

    containers: tuple[ObservedContainer, ...] = ()
    networks: tuple[ObservedNetwork, ...] = ()

    def find_running(self, instance: str, part: Part) -> ObservedContainer | None:
        """Find the container in which a part of an instance runs.

        One that has the part's own name goes before one that was set aside.
        """
        own = (each for each in self.containers if (each.instance, each.part) == (instance, part))
        running = sorted(
            (each for each in own if each.is_running),
            key=lambda each: each.name != part.container_name(instance),
        )
        return next(iter(running), None)


class ContainerDetail(Struct, frozen=True):
    """The state of one container.

    ``addresses`` maps the names of its networks to its addresses there. Times are RFC 3339; "" if
    it never started or ended. A container that runs again keeps the time of its last end. With a
    log that ``is_log_unbounded``, its output fills the disk in time.
    """

    id: str
    name: str
    state: State
    exit_code: int
    started_at: str
    restart_policy: str
    restart_count: int = 0
    addresses: Mapping[str, str] = field(default_factory=dict)
    health: Health = Health.NONE
    oom_killed: bool = False
    finished_at: str = ""
    is_log_unbounded: bool = False


class EngineInfo(Struct, frozen=True):
    """The engine that answered."""

    version: str
    endpoint: str


class BuildSpec(Struct, frozen=True):
    """The input of a build: the files of the build folder, arguments, and labels."""

    tag: str
    context: Mapping[str, bytes]
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    use_cache: bool = True


class ImageInfo(Struct, frozen=True):
    """An image on the engine. ``postgres_version`` is what an image of PostgreSQL says it holds.

    ``command`` is what a container of it runs, with the arguments. ``waits_for_database`` says that
    its program may start before its database and Valkey are ready.
    """

    id: str
    digests: tuple[str, ...] = ()
    postgres_version: str = ""
    command: tuple[str, ...] = ()
    waits_for_database: bool = False

    @property
    def postgres_major(self) -> int | None:
        """The major version of PostgreSQL; ``None`` where the image does not say it."""
        major = self.postgres_version.partition(".")[0]
        return int(major) if major.isdecimal() else None


class ListedImage(Struct, frozen=True):
    """An image as the engine lists it.

    ``references`` are its names; one without a name is left from a build or a pull. ``bytes`` is
    its size with the layers that it shares, and ``created`` is in seconds since the epoch.
    ``last_step`` is the last step of the build of an image without a name.
    """

    id: str
    references: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    bytes: int = 0
    created: float = 0.0
    last_step: str = ""
