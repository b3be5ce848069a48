"""The settings of the server, which it reads once from its environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from wb_cli import __version__
from wb_cli.contract import (
    DEFAULT_VALKEY_URL,
    PLATFORM_PORT,
    POSTGRES_PORT,
    POSTGRES_SUPERUSER,
    Env,
)
from wb_cli.errors import UsageError
from wb_cli.secret import Secret
from wb_cli.server.db.address import Address

MIB = 1024 * 1024
MAX_PORT = 65_535
LOG_LEVELS = ("debug", "info", "warning", "error")
SHORTEST_TOKEN = 16
# HTTP connections. A low limit of descriptors allows fewer.
MOST_CONNECTIONS = 8192
# There may be 16 loads at one time. The warm-up leaves some of them to requests.
MOST_LOADS = 12
# PostgreSQL's connections are divided among the workers. A smaller share would leave too few loads.
MOST_WORKERS = 4


@dataclass(frozen=True)
class Tuning:
    """Limits that an operator may change. The defaults suit a small server.

    All but the number of workers are limits of the whole server.
    """

    warm_concurrency: int = 4
    l1_max_bytes: int = 512 * MIB
    max_connections: int = MOST_CONNECTIONS
    workers: int = 1

    def share(self) -> "Tuning":
        """The limits of each worker, which are those of the server, divided."""
        return replace(
            self,
            warm_concurrency=max(1, self.warm_concurrency // self.workers),
            l1_max_bytes=self.l1_max_bytes // self.workers,
            max_connections=max(1, self.max_connections // self.workers),
        )


@dataclass(frozen=True)
class Settings:
    """Everything the server is configured by."""

    instance_id: str = "local"
    instance_name: str = "local"
    version: str = __version__
    host: str = "0.0.0.0"  # noqa: S104  (inside the container; wb decides what is published)
    port: int = PLATFORM_PORT
    log_level: str = "info"
    postgres: Address = field(default_factory=Address)
    valkey_url: Secret = field(default_factory=lambda: Secret(DEFAULT_VALKEY_URL))
    admin_token: Secret | None = None
    tuning: Tuning = field(default_factory=Tuning)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read and check every variable. An error names the wrong variable."""
        read = Reader(environment)
        instance_id = read.text(Env.INSTANCE_ID, "local")
        return cls(
            instance_id=instance_id,
            instance_name=read.text(Env.INSTANCE_NAME, instance_id),
            version=read.text(Env.SERVER_VERSION, __version__),
            host=read.text("HOST", cls.host),
            port=read.number("PORT", PLATFORM_PORT, 0, MAX_PORT),
            log_level=read.choice("LOG_LEVEL", "info", LOG_LEVELS),
            postgres=address_of(read),
            # With a malformed URL the server starts too, and the cache stays in memory.
            valkey_url=Secret(read.text(Env.VALKEY_URL, DEFAULT_VALKEY_URL)),
            admin_token=read.token(),
            tuning=tuning_of(read),
        )


class Reader:
    """Typed look-ups in an environment. An empty variable counts as not set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        """The value, without the single quotes that older tools wrapped it in."""
        value = self._environment.get(name, "").strip()
        if len(value) > 1 and value[0] == value[-1] == "'":
            value = value[1:-1]
        return value or default

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self.text(name, str(default))
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise UsageError(
                f"{name}={value!r} is not a whole number from {least} to {most}",
                f"Set {name} to one, or leave it out for {default}.",
            )
        return int(value)

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed words."""
        value = self.text(name, default).lower()
        if value not in allowed:
            raise UsageError(f"{name}={value!r} is not known", f"Known are {', '.join(allowed)}.")
        return value

    def token(self) -> Secret | None:
        """The token for the endpoints that change something, if it is set."""
        value = self.text(Env.WB_ADMIN_TOKEN, "")
        if value and (len(value) < SHORTEST_TOKEN or not value.isascii() or " " in value):
            raise UsageError(
                f"{Env.WB_ADMIN_TOKEN} is shorter than {SHORTEST_TOKEN} plain characters",
                "Let `wb` generate it, or set a longer one.",
            )
        return Secret(value) if value else None


def address_of(read: Reader) -> Address:
    """The database's address and account."""
    return Address(
        host=read.text(Env.PG_HOST, "localhost"),
        port=read.number(Env.PG_PORT, POSTGRES_PORT, 1, MAX_PORT),
        password=read.text(Env.PG_PASSWORD, ""),
        user=read.text("PG_USER", POSTGRES_SUPERUSER),
    )


def tuning_of(read: Reader) -> Tuning:
    """The limits."""
    return Tuning(
        warm_concurrency=read.number("WARM_CONCURRENCY", Tuning.warm_concurrency, 1, MOST_LOADS),
        max_connections=read.number("MAX_CONNECTIONS", MOST_CONNECTIONS, 1, MOST_CONNECTIONS),
        workers=read.number("WEB_WORKERS", Tuning.workers, 1, MOST_WORKERS),
        l1_max_bytes=read.number("L1_MAX_MIB", Tuning.l1_max_bytes // MIB, 1, MIB) * MIB,
    )
