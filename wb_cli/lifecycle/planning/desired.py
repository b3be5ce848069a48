"""Describe what an instance's containers must be: Instance + Settings -> Specs. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import __version__, contract
from wb_cli.contract import Env, Part
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
from wb_cli.instances.host_settings.table import SETTINGS
from wb_cli.instances.postgres_settings import make_flags
from wb_cli.instances.registry_file.fields import FIELDS
from wb_cli.lifecycle.planning.fingerprint import digest, dump, fingerprint
from wb_cli.lifecycle.planning.images import choose_images, choose_platform_image, is_stock
from wb_cli.lifecycle.receiving.part import make_command
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wb_cli.instances.host_settings.setting import Setting
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance

# With checksums PostgreSQL notices a page that its disk has damaged. They are made with a database.
INITDB_ARGUMENTS = "--data-checksums"
PASSWORD_FILE = "/run/wb/postgres-password"  # noqa: S105  (a path)


class Credentials(Struct, frozen=True):
    """An instance's secrets: to initialise PostgreSQL, to connect to it, to change the platform.

    The first is ``None`` if the database is already initialised. ``environment`` has the secret
    variables of an adopted platform.
    """

    postgres_password: Secret | None
    pg_password: Secret
    admin_token: Secret
    environment: Mapping[str, Secret] = {}


class Desired(Struct, frozen=True):
    """An instance as it should run: its containers in start order, and its labels."""

    instance: str
    containers: tuple[ContainerSpec, ...]
    labels: Mapping[str, str]

    def container(self, part: Part) -> ContainerSpec | None:
        """The Spec of one part, if the instance has it."""
        return next((spec for spec in self.containers if spec.part is part), None)


def describe(
    instance: Instance, settings: Settings, credentials: Credentials, key: bytes
) -> Desired:
    """Describe an instance as it should run.

    Secrets are compared by their digests, which are made with ``key``.
    """
    specs = [_postgres(instance, settings, credentials), _valkey(instance, settings)]
    if instance.point_in_time:
        specs.append(_wal(instance, settings))
    if instance.admin_version:
        specs.append(_admin(instance, settings))
    specs.append(_platform(instance, settings, credentials))
    rotated = (
        replace(spec, log_max_size=settings.log_max_size, log_max_files=settings.log_max_files)
        for spec in specs
    )
    labelled = (
        _label(spec, settings, _find_declared(instance, settings, credentials, spec.part), key)
        for spec in rotated
    )
    return Desired(instance.id, tuple(labelled), common_labels(settings))


def common_labels(settings: Settings) -> dict[str, str]:
    """The labels of every container and network: the operator's own, and the registry file."""
    return {**settings.labels, LABEL_REGISTRY: str(settings.servers_file)}


def instance_path(instance: Instance, settings: Settings) -> Path:
    """The instance's folder on the host."""
    return settings.mount_path / instance.folder


def name_url(instance: Instance, settings: Settings) -> str:
    """The address at which people reach the platform."""
    return f"https://{instance.id}.{settings.domain}"


def _postgres(instance: Instance, settings: Settings, credentials: Credentials) -> ContainerSpec:
    folder = instance_path(instance, settings)
    image = choose_images(instance, settings)[Part.POSTGRES]
    mounted_at = choose_postgres_mount(image)
    address = instance.postgres_bind_address or settings.postgres_bind_address
    return ContainerSpec(
        instance=instance.id,
        part=Part.POSTGRES,
        image=image,
        command=make_flags(choose_postgres_settings(instance, settings)),
        environment={Env.PGDATA: f"{mounted_at}/{contract.PGDATA_NAME}"},
        first_environment=_choose_initdb_arguments(credentials),
        mounts=(
            Mount(str(folder / contract.DATABASES), mounted_at),
            Mount(str(folder / contract.SANDBOX), contract.SANDBOX_PATH),
            *_socket_mount(instance, folder),
        ),
        ports=(Port(contract.POSTGRES_PORT, instance.postgres_port, address),),
        secret_files=_password_file(credentials),
        stop_timeout=contract.STOP_TIMEOUTS[Part.POSTGRES],
        memory=instance.postgres_memory,
        cpus=instance.postgres_cpus,
        shm_size=instance.shm_size or settings.shm_size,
        auto_remove=_has_auto_remove(instance),
    )


def choose_postgres_settings(instance: Instance, settings: Settings) -> dict[str, str]:
    """Choose PostgreSQL's own settings: the instance's, and else those of all instances."""
    return {**settings.postgres_settings, **(instance.postgres_settings or {})}


def choose_postgres_mount(image: str) -> str:
    """Choose where PostgreSQL's container has the folder ``databases``: where its image expects it.

    The version is read in the image's tag. An image whose tag says no version works as well, but
    each of its containers may have an empty volume besides.
    """
    version = re.search(r":(\d+)(?:[.-][^/@]*)?(?:@|$)", image)
    is_higher = version is not None and int(version[1]) >= contract.FIRST_MAJOR_WITH_HOME
    return contract.POSTGRES_HOME_PATH if is_higher else contract.POSTGRES_DATA_PATH


def _choose_initdb_arguments(credentials: Credentials) -> dict[str, str]:
    """Choose how a new database is made. A database that is there stays as it is."""
    is_new = credentials.postgres_password is not None
    return {Env.POSTGRES_INITDB_ARGS: INITDB_ARGUMENTS} if is_new else {}


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
        part=Part.VALKEY,
        image=choose_images(instance, settings)[Part.VALKEY],
        command=contract.VALKEY_COMMAND + valkey_flags(instance, settings),
        mounts=(Mount(str(folder / contract.VALKEY_DATA), contract.VALKEY_DATA_PATH),),
        stop_timeout=contract.STOP_TIMEOUTS[Part.VALKEY],
        memory=instance.valkey_memory,
        cpus=instance.valkey_cpus,
        auto_remove=_has_auto_remove(instance),
    )


def valkey_flags(instance: Instance, settings: Settings) -> tuple[str, ...]:
    """The flags beside ``--save 60 1``: a memory limit, and the append-only file."""
    limit = instance.valkey_max_memory or settings.valkey_max_memory
    flags: tuple[str, ...] = ("--maxmemory", str(limit), "--maxmemory-policy", "allkeys-lfu")
    if (instance.cache_persistence or settings.cache_persistence) == "aof":
        flags += ("--appendonly", "yes", "--appendfsync", "everysec")
    return flags


def _wal(instance: Instance, settings: Settings) -> ContainerSpec:
    folder = instance_path(instance, settings)
    return ContainerSpec(
        instance=instance.id,
        part=Part.WAL,
        image=choose_images(instance, settings)[Part.WAL],
        command=make_command(),
        mounts=(
            Mount(str(folder / contract.WAL_RECEIVED), contract.WAL_PATH),
            *_socket_mount(instance, folder),
        ),
        stop_timeout=contract.STOP_TIMEOUTS[Part.WAL],
    )


def _socket_mount(instance: Instance, folder: Path) -> tuple[Mount, ...]:
    """Mount the folder of PostgreSQL's socket, which its receiver shares."""
    mount = Mount(str(folder / contract.WAL_SOCKET), contract.POSTGRES_SOCKET_PATH)
    return (mount,) if instance.point_in_time else ()


def _admin(instance: Instance, settings: Settings) -> ContainerSpec:
    return ContainerSpec(
        instance=instance.id,
        part=Part.ADMIN,
        image=choose_images(instance, settings)[Part.ADMIN],
        stop_timeout=contract.STOP_TIMEOUTS[Part.ADMIN],
        memory=instance.admin_memory,
        cpus=instance.admin_cpus,
    )


def _platform(instance: Instance, settings: Settings, credentials: Credentials) -> ContainerSpec:
    return ContainerSpec(
        instance=instance.id,
        part=Part.PLATFORM,
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
        stop_timeout=contract.STOP_TIMEOUTS[Part.PLATFORM],
        memory=instance.memory,
        cpus=instance.cpus,
    )


def _platform_environment(
    instance: Instance, settings: Settings, credentials: Credentials
) -> dict[str, str | Secret]:
    environment: dict[str, str | Secret] = {
        Env.INSTANCE_ID: instance.id,
        Env.INSTANCE_NAME: instance.label,
        Env.INSTANCE_REDIRECT_URL: name_url(instance, settings),
        Env.SERVER_VERSION: instance.server_version,
        Env.DATABASE_FOLDER: instance.folder,
        Env.SANDBOX_DIR_PATH_EXTERNAL: str(instance_path(instance, settings) / contract.SANDBOX),
        Env.PG_HOST: Part.POSTGRES.container_name(instance.id),
        Env.PG_PORT: str(contract.POSTGRES_PORT),
        Env.PG_PASSWORD: credentials.pg_password,
        Env.VALKEY_URL: _valkey_url(instance),
        **_choices(instance),
        **settings.passed_on,
    }
    if not is_stock(instance, settings):
        environment[Env.WB_ADMIN_TOKEN] = credentials.admin_token
    environment |= credentials.environment
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
        admin = Part.ADMIN.container_name(instance.id)
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


def _valkey_url(instance: Instance) -> str:
    return f"redis://{Part.VALKEY.container_name(instance.id)}:{contract.VALKEY_PORT}"


def _has_auto_remove(instance: Instance) -> bool:
    """Whether PostgreSQL and Valkey run with ``--rm``."""
    return instance.restart == "no"


def _find_declared(
    instance: Instance, settings: Settings, credentials: Credentials, part: Part
) -> dict[str, Any]:
    """Give what the operator declared about a part, without what wb adds by itself.

    ``run`` acts if this changes. If only the Spec changes, as with another release of wb that has
    other defaults, that is drift. A field of the instance wins over the setting of the same name.
    """
    chosen = {
        setting.name: settings.get_value(setting)
        for setting in SETTINGS
        if part in setting.parts and not _is_silent(setting, settings)
    }
    for field in FIELDS:
        value = getattr(instance, field.attribute)
        if part in field.parts and value is not None:
            chosen[field.attribute] = value
    if part is Part.POSTGRES and (own := choose_postgres_settings(instance, settings)):
        chosen["postgres_settings"] = own
    if part is Part.PLATFORM:
        chosen["password"] = credentials.pg_password
    return chosen


def _is_silent(setting: Setting, settings: Settings) -> bool:
    """Whether a setting came later than containers in the field, and has its default value."""
    return setting.silent_at_default and settings.get_value(setting) == setting.default


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
