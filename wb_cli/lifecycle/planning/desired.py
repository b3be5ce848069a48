"""Describe what an instance's containers must be: Instance + Settings -> Specs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import __version__, contract
from wb_cli.contract import Env, Role
from wb_cli.engine.types import (
    LABEL_DECLARED,
    LABEL_REGISTRY,
    LABEL_SPEC,
    LABEL_VERSION,
    ContainerSpec,
    Mount,
    Port,
    SecretFile,
)
from wb_cli.instances.entries import FIELDS
from wb_cli.instances.setting_table import SETTINGS
from wb_cli.lifecycle.planning.fingerprint import digest, dump, fingerprint
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wb_cli.instances.model import Instance
    from wb_cli.instances.settings import Settings

# PostgreSQL's parallel queries need more than Docker's 64 MB.
POSTGRES_SHM_BYTES = 256 * 1024**2
PASSWORD_FILE = "/run/wb/postgres-password"  # noqa: S105  (a path)
STOCK_REPOSITORY = "timroberton/comb"
FIRST_FASTR_VERSION = (1, 6)


class Credentials(Struct, frozen=True):
    """An instance's secrets: to initialise PostgreSQL, to connect to it, to change the platform.

    The first is ``None`` if the database is already initialised.
    """

    postgres_password: Secret | None
    pg_password: Secret
    admin_token: Secret


class Desired(Struct, frozen=True):
    """An instance as it should run: its containers in start order, and its labels."""

    instance: str
    containers: tuple[ContainerSpec, ...]
    labels: Mapping[str, str]

    def container(self, role: Role) -> ContainerSpec | None:
        """The Spec of one part, if the instance has it."""
        return next((spec for spec in self.containers if spec.role is role), None)


def describe(
    instance: Instance, settings: Settings, credentials: Credentials, key: bytes
) -> Desired:
    """Describe an instance as it should run.

    Secrets are compared by their digests, which are made with ``key``.
    """
    specs = [_postgres(instance, settings, credentials), _valkey(instance, settings)]
    if instance.admin_version:
        specs.append(_admin(instance, settings))
    specs.append(_platform(instance, settings, credentials))
    labelled = (
        _label(spec, settings, _find_declared(instance, settings, credentials, spec.role), key)
        for spec in specs
    )
    return Desired(instance.id, tuple(labelled), common_labels(settings))


def common_labels(settings: Settings) -> dict[str, str]:
    """The labels of every container and network: the operator's own, and the registry file."""
    return {**settings.labels, LABEL_REGISTRY: str(settings.servers_file)}


def instance_path(instance: Instance, settings: Settings) -> Path:
    """The instance's folder on the host."""
    return settings.mount_path / instance.folder


def choose_platform_image(instance: Instance, settings: Settings) -> str:
    """Choose the platform's image: the instance's own, the configured one, or the stock one."""
    if instance.image:
        return instance.image
    if settings.platform_image:
        return settings.platform_image.format(version=instance.server_version)
    return name_stock_image(instance.server_version)


def name_stock_image(version: str) -> str:
    """Name the stock image of a version. The pattern of the name changed with version 1.6."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    kind = "fastr" if numbers >= FIRST_FASTR_VERSION else "hmis"
    return f"{STOCK_REPOSITORY}:wb-{kind}-server-v{version}"


def choose_images(instance: Instance, settings: Settings) -> dict[Role, str]:
    """Choose the image of each part of an instance."""
    chosen = {
        Role.POSTGRES: settings.postgres_image,
        Role.VALKEY: settings.valkey_image,
        Role.PLATFORM: choose_platform_image(instance, settings),
    }
    if instance.admin_version:
        chosen[Role.ADMIN] = settings.admin_image.format(version=instance.admin_version)
    return chosen


def _postgres(instance: Instance, settings: Settings, credentials: Credentials) -> ContainerSpec:
    folder = instance_path(instance, settings)
    address = instance.postgres_bind_address or settings.postgres_bind_address
    return ContainerSpec(
        instance=instance.id,
        role=Role.POSTGRES,
        image=choose_images(instance, settings)[Role.POSTGRES],
        environment={Env.PGDATA: contract.PGDATA},
        mounts=(
            Mount(str(folder / contract.DATABASES), contract.POSTGRES_DATA_PATH),
            Mount(str(folder / contract.SANDBOX), contract.SANDBOX_PATH),
        ),
        ports=(Port(contract.POSTGRES_PORT, instance.postgres_port, address),),
        secret_files=_password_file(credentials),
        stop_timeout=contract.STOP_TIMEOUTS[Role.POSTGRES],
        shm_size=POSTGRES_SHM_BYTES,
        auto_remove=_has_auto_remove(instance),
    )


def _password_file(credentials: Credentials) -> tuple[SecretFile, ...]:
    """Pass the password only while the database is not initialised.

    PostgreSQL does not read the file later, and copying it costs 0.1 s per start.
    """
    password = credentials.postgres_password
    return (SecretFile(Env.POSTGRES_PASSWORD_FILE, PASSWORD_FILE, password),) if password else ()


def _valkey(instance: Instance, settings: Settings) -> ContainerSpec:
    folder = instance_path(instance, settings)
    return ContainerSpec(
        instance=instance.id,
        role=Role.VALKEY,
        image=choose_images(instance, settings)[Role.VALKEY],
        command=contract.VALKEY_COMMAND + valkey_flags(instance, settings),
        mounts=(Mount(str(folder / contract.VALKEY_DATA), contract.VALKEY_DATA_PATH),),
        stop_timeout=contract.STOP_TIMEOUTS[Role.VALKEY],
        auto_remove=_has_auto_remove(instance),
    )


def valkey_flags(instance: Instance, settings: Settings) -> tuple[str, ...]:
    """The flags beside ``--save 60 1``: a memory limit, and the append-only file."""
    limit = instance.valkey_max_memory or settings.valkey_max_memory
    flags: tuple[str, ...] = ("--maxmemory", str(limit), "--maxmemory-policy", "allkeys-lfu")
    if (instance.cache_persistence or settings.cache_persistence) == "aof":
        flags += ("--appendonly", "yes", "--appendfsync", "everysec")
    return flags


def _admin(instance: Instance, settings: Settings) -> ContainerSpec:
    return ContainerSpec(
        instance=instance.id,
        role=Role.ADMIN,
        image=choose_images(instance, settings)[Role.ADMIN],
        stop_timeout=contract.STOP_TIMEOUTS[Role.ADMIN],
    )


def _platform(instance: Instance, settings: Settings, credentials: Credentials) -> ContainerSpec:
    return ContainerSpec(
        instance=instance.id,
        role=Role.PLATFORM,
        image=choose_platform_image(instance, settings),
        environment=_platform_environment(instance, settings, credentials),
        mounts=_platform_mounts(instance, settings),
        ports=(
            Port(
                contract.PLATFORM_PORT,
                instance.port,
                instance.bind_address or settings.bind_address,
            ),
        ),
        stop_timeout=contract.STOP_TIMEOUTS[Role.PLATFORM],
        memory=instance.memory,
        cpus=instance.cpus,
    )


def _platform_environment(
    instance: Instance, settings: Settings, credentials: Credentials
) -> dict[str, str | Secret]:
    environment: dict[str, str | Secret] = {
        Env.INSTANCE_ID: instance.id,
        Env.INSTANCE_NAME: instance.label,
        Env.INSTANCE_REDIRECT_URL: f"https://{instance.id}.{settings.domain}",
        Env.SERVER_VERSION: instance.server_version,
        Env.DATABASE_FOLDER: instance.folder,
        Env.SANDBOX_DIR_PATH_EXTERNAL: str(instance_path(instance, settings) / contract.SANDBOX),
        Env.PG_HOST: Role.POSTGRES.container_name(instance.id),
        Env.PG_PORT: str(contract.POSTGRES_PORT),
        Env.PG_PASSWORD: credentials.pg_password,
        Env.VALKEY_URL: _valkey_url(instance),
        **_choices(instance),
        **settings.passed_on,
    }
    if not is_stock(instance, settings):
        environment[Env.WB_ADMIN_TOKEN] = credentials.admin_token
    # An instance's own variables may hold keys, so all of them are kept secret.
    return environment | {name: Secret(value) for name, value in instance.env.items()}


def _choices(instance: Instance) -> dict[str, str]:
    """The variables that the platform gets only if the instance asks for them."""
    choices = {}
    if instance.french:
        choices[Env.INSTANCE_LANGUAGE] = "fr"
    if instance.ethiopian:
        choices[Env.INSTANCE_CALENDAR] = "ethiopian"
    if instance.open_access:
        choices[Env.OPEN_ACCESS] = "1"
    if instance.admin_version:
        admin = Role.ADMIN.container_name(instance.id)
        choices[Env.ADMIN_VERSION] = instance.admin_version
        choices[Env.ADMIN_SERVER_HOST] = f"http://{admin}:{contract.ADMIN_PORT}"
    return choices


def _platform_mounts(instance: Instance, settings: Settings) -> tuple[Mount, ...]:
    folder = instance_path(instance, settings)
    stock = is_stock(instance, settings)
    mounts = [
        Mount(str(folder / contract.SANDBOX), contract.SANDBOX_PATH),
        Mount(str(folder / contract.ASSETS), contract.ASSETS_PATH),
    ]
    if stock if instance.mount_databases is None else instance.mount_databases:
        mounts.append(Mount(str(folder / contract.DATABASES), contract.PLATFORM_DATABASES_PATH))
    if stock if instance.docker_socket is None else instance.docker_socket:
        mounts.append(Mount(contract.DOCKER_SOCKET_PATH, contract.DOCKER_SOCKET_PATH))
    return tuple(mounts)


def is_stock(instance: Instance, settings: Settings) -> bool:
    """Whether the platform is a stock image. Stock images start containers of their own."""
    return not instance.image and not settings.platform_image


def _valkey_url(instance: Instance) -> str:
    return f"redis://{Role.VALKEY.container_name(instance.id)}:{contract.VALKEY_PORT}"


def _has_auto_remove(instance: Instance) -> bool:
    """Whether PostgreSQL and Valkey run with ``--rm``."""
    return instance.restart == "no"


def _find_declared(
    instance: Instance, settings: Settings, credentials: Credentials, part: Role
) -> dict[str, Any]:
    """Give what the operator declared about a part, without what wb adds by itself.

    ``run`` acts if this changes. If only the Spec changes, as with another release of wb that has
    other defaults, that is drift. A field of the instance wins over the setting of the same name.
    """
    chosen = {
        setting.name: settings.get_value(setting) for setting in SETTINGS if part in setting.parts
    }
    for field in FIELDS:
        value = getattr(instance, field.attribute)
        if part in field.parts and value is not None:
            chosen[field.attribute] = value
    if part is Role.PLATFORM:
        chosen["password"] = credentials.pg_password
    return chosen


def _label(
    spec: ContainerSpec, settings: Settings, declared: dict[str, Any], key: bytes
) -> ContainerSpec:
    labels = {
        **common_labels(settings),
        LABEL_SPEC: dump(fingerprint(spec, key)),
        LABEL_DECLARED: digest(declared, key),
        LABEL_VERSION: __version__,
    }
    return replace(spec, labels=labels)
