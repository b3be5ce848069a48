"""This host's configuration: flag > environment > .env > config.toml > default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wb_cli.secret import Secret


@dataclass(frozen=True)
class Settings:
    """Every setting with its value; where each came from stands in :attr:`origins`."""

    config_file: Path
    servers_file: Path
    mount_path: Path
    secrets_dir: Path
    domain: str = "localhost"
    sites_available: Path = Path("/etc/nginx/sites-available")
    sites_enabled: Path = Path("/etc/nginx/sites-enabled")
    postgres_password: Secret | None = None
    pg_password: Secret | None = None
    passed_on: Mapping[str, Secret] = field(default_factory=dict)
    postgres_image: str = "postgres:17.4"
    valkey_image: str = "valkey/valkey:8"
    platform_image: str | None = None
    admin_image: str = "timroberton/comb:wb-hmis-server-admin-v{version}"
    pull_images: tuple[str, ...] = ()
    mirror: str = ""
    bind_address: str = "127.0.0.1"
    postgres_bind_address: str = "127.0.0.1"
    subnet_pool: str = "10.213.0.0/16"
    subnet_prefix: int = 26
    valkey_max_memory: int | None = None
    cache_persistence: str = "rdb"
    labels: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
