"""Instance: one deployment as the operator declares it."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET


class Instance(Struct, frozen=True):
    """One validated entry of the registry file.

    ``memory`` and ``valkey_max_memory`` are in bytes. ``raw`` is the entry as it stands in the
    file, so that wb writes unknown fields back.
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
    docker_socket: bool | None = None
    mount_databases: bool | None = None
    restart: Literal["always", "no"] = "always"
    memory: int | None = None
    cpus: float | None = None
    valkey_max_memory: int | None = None
    cache_persistence: Literal["rdb", "aof"] | None = None
    node: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        # `env` and `raw` may hold secrets.
        return f"Instance({self.id!r})"

    @property
    def folder(self) -> str:
        """The path of its folder below the mount path."""
        return self.instance_dir or self.id

    @property
    def postgres_port(self) -> int:
        """The host port on which its PostgreSQL is published."""
        return self.port + POSTGRES_HOST_PORT_OFFSET
