"""Instance: one deployment as the operator declares it."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET, REQUIRED_PARTS, Part


class Instance(Struct, frozen=True):
    """One validated entry of the registry file.

    Sizes, as ``memory``, are in bytes. ``memory`` and ``cpus`` are the platform's limits. ``host``
    is the host of its engine; without one, it is the engine that the command line chooses. ``raw``
    is the entry as it stands in the file, so that wb writes unknown fields back.
    """

    id: str
    label: str
    port: int
    server_version: str
    admin_version: str | None = None
    instance_dir: str | None = None
    french: bool = False
    ethiopian: bool = False
    open_access: bool = False
    tags: tuple[str, ...] = ()
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    bind_address: str | None = None
    postgres_bind_address: str | None = None
    nginx_upstream: str | None = None
    docker_socket: bool | None = None
    mount_databases: bool | None = None
    restart: Literal["always", "no"] = "always"
    memory: int | None = None
    cpus: float | None = None
    postgres_memory: int | None = None
    postgres_cpus: float | None = None
    valkey_memory: int | None = None
    valkey_cpus: float | None = None
    admin_memory: int | None = None
    admin_cpus: float | None = None
    shm_size: int | None = None
    postgres_image: str | None = None
    postgres_settings: Mapping[str, str] | None = None
    valkey_max_memory: int | None = None
    point_in_time: bool | None = None
    priority: int = 0
    cache_persistence: Literal["rdb", "aof"] | None = None
    deploy_hours: str | None = None
    timezone: str | None = None
    node: str | None = None
    host: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        # `env` and `raw` may hold secrets.
        return f"Instance({self.id!r})"

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its parts, in start order."""
        wanted = {
            *REQUIRED_PARTS,
            *([Part.WAL] if self.point_in_time else []),
            *([Part.ADMIN] if self.admin_version else []),
        }
        return tuple(part for part in Part if part in wanted)

    @property
    def folder(self) -> str:
        """The path of its folder below the mount path."""
        return self.instance_dir or self.id

    @property
    def postgres_port(self) -> int:
        """The host port on which its PostgreSQL is published."""
        return self.port + POSTGRES_HOST_PORT_OFFSET
