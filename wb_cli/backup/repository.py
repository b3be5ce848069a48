"""The repository of backups, and what a program needs to work with it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from wb_cli.engine.task import BRIDGE, NO_NETWORK, Priority, TaskMount, TaskSpec
from wb_cli.quantities import KIB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wb_cli.secret import Secret

# Where a local repository is mounted into restic's container, and one that is copied from.
INSIDE, INSIDE_SOURCE = "/repository", "/source"
INSIDE_CACHE = "/cache"
SSH_KEY, KNOWN_HOSTS = "/ssh/key", "/ssh/known_hosts"
# ssh asks nobody: there is nobody in a container to ask.
SSH_ARGUMENTS = (
    f"-i {SSH_KEY} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes "
    f"-o UserKnownHostsFile={KNOWN_HOSTS} -o ConnectTimeout=20 -o ServerAliveInterval=20"
)


class Limits(Struct, frozen=True):
    """What restic may take. Bytes in a second, and processors; 0 is no limit."""

    upload: int = 0
    processors: int = 0
    priority: Priority = Priority.NORMAL


class Repository(Struct, frozen=True):
    """Where the backups are: a folder on the engine's machine, or a URL in restic's own form.

    ``environment`` are the variables that a repository elsewhere needs, such as keys of S3.
    ``ssh`` has the contents of the files that ssh needs, by their paths in the container. ``cache``
    is a folder on the engine's machine: what a repository elsewhere lists is read from there once
    it is known. All in it is encrypted as in the repository. ``hostname`` is what locks say of
    their owner; "" for the id of the container.
    """

    location: str
    key: Secret
    image: str
    environment: Mapping[str, Secret] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    ssh: Mapping[str, bytes] = field(default_factory=dict)
    cache: str = ""
    hostname: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder on the engine's machine."""
        return self.location.startswith("/")

    def describe_task(
        self,
        purpose: str,
        words: tuple[str, ...],
        mounts: tuple[TaskMount, ...] = (),
        files: Mapping[str, bytes] | None = None,
        *,
        source: Repository | None = None,
    ) -> TaskSpec:
        """Describe a container in which restic works on the repository.

        ``source`` is another repository, from which it copies.
        """
        places = (self, source) if source else (self,)
        cache = next((place.cache for place in places if place.cache and not place.is_folder), "")
        keys = {path: text for place in places for path, text in place.ssh.items()}
        return TaskSpec(
            purpose=purpose,
            image=self.image,
            command=("restic", *self._choose_options(cache, keys), *words),
            mounts=(*_mount(places, cache), *mounts),
            network=NO_NETWORK if all(place.is_folder for place in places) else BRIDGE,
            environment=self._name_places(source),
            secrets=self._collect_secrets(source),
            files={**keys, **(files or {})},
            labels=self.labels,
            priority=self.limits.priority,
            hostname=self.hostname,
        )

    def _choose_options(self, cache: str, keys: Mapping[str, bytes]) -> list[str]:
        options = [f"--cache-dir={INSIDE_CACHE}" if cache else "--no-cache"]
        options += [f"--option=sftp.args={SSH_ARGUMENTS}"] if keys else []
        if self.limits.upload and not self.is_folder:
            options.append(f"--limit-upload={self.limits.upload // KIB}")
        return options

    def _name_places(self, source: Repository | None) -> dict[str, str]:
        names = {"RESTIC_REPOSITORY": self.seen_at(INSIDE)}
        if source:
            names["RESTIC_FROM_REPOSITORY"] = source.seen_at(INSIDE_SOURCE)
            names["RESTIC_PROGRESS_FPS"] = "1"  # without JSON it tells nothing else
        if self.limits.processors:
            names["GOMAXPROCS"] = str(self.limits.processors)
        return names

    def seen_at(self, inside: str) -> str:
        """Give its place as a container sees it that has the folder mounted there."""
        return inside if self.is_folder else self.location

    def _collect_secrets(self, source: Repository | None) -> dict[str, Secret]:
        secrets = {**self.environment, "RESTIC_PASSWORD": self.key}
        if source:
            secrets |= {**source.environment, "RESTIC_FROM_PASSWORD": source.key}
        return secrets


def _mount(places: Sequence[Repository], cache: str) -> list[TaskMount]:
    insides = zip(places, (INSIDE, INSIDE_SOURCE), strict=False)
    sources = {inside: place.location for place, inside in insides if place.is_folder}
    sources |= {INSIDE_CACHE: cache} if cache else {}
    return [TaskMount(source, inside, is_read_only=False) for inside, source in sources.items()]
