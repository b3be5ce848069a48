"""Load this host's settings: flag > environment > .env > config.toml > default."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from wb_cli.contract import PrivateRoutes
from wb_cli.errors import UsageError
from wb_cli.instances.host_settings import config_file as toml
from wb_cli.instances.host_settings import dotenv
from wb_cli.instances.host_settings.setting import CONFIG_FILE, ENV_FILE, Places, Setting
from wb_cli.instances.host_settings.table import SETTINGS
from wb_cli.secret import Secret

HERE = Path()


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting with its value. :attr:`origins` says where each value comes from.

    The table of settings has the defaults.
    """

    config_file: Path
    servers_file: Path
    mount_path: Path
    secrets_dir: Path
    domain: str
    sites_available: Path
    sites_enabled: Path
    nginx_command: str
    nginx_http: tuple[str, ...]
    nginx_https: tuple[str, ...]
    nginx_max_body: int
    nginx_timeout: int
    nginx_upstream: str | None
    nginx_forward: tuple[PrivateRoutes, ...]
    acme_webroot: Path
    backup_repository: str
    backup_copies: tuple[str, ...]
    backup_key: Secret | None
    aws_access_key_id: Secret | None
    aws_secret_access_key: Secret | None
    aws_session_token: Secret | None
    aws_default_region: Secret | None
    restic_rest_username: Secret | None
    restic_rest_password: Secret | None
    backup_ssh_key: Path | None
    backup_known_hosts: Path | None
    backup_full_every: int
    backup_leave_out: tuple[str, ...]
    backup_cache: bool
    backup_limit_upload: int
    backup_limit_read: int
    backup_priority: str
    backup_processors: int
    restic_image: str
    backup_keep_last: int
    backup_keep_daily: int
    backup_keep_weekly: int
    backup_keep_monthly: int
    backup_keep_wal_days: int
    backup_proof_disk: int | None
    backup_hook: str | None
    acme_server: str
    acme_ca_file: Path | None
    acme_email: str | None
    certificates_per_week: int
    certbot: str
    certbot_config_dir: Path
    certbot_work_dir: Path
    certbot_logs_dir: Path
    dns_plugin: str | None
    dns_credentials: Path | None
    dns_auth_hook: Path | None
    dns_cleanup_hook: Path | None
    postgres_password: Secret | None
    pg_password: Secret | None
    passed_on: Mapping[str, Secret]
    postgres_image: str
    valkey_image: str
    platform_image: str | None
    platform_check: str | None
    admin_image: str
    pull_images: tuple[str, ...]
    mirror: str
    bind_address: str
    postgres_bind_address: str
    subnet_pool: str
    subnet_prefix: int
    valkey_max_memory: int
    cache_persistence: str
    shm_size: int
    postgres_settings: Mapping[str, str]
    log_max_size: int
    log_max_files: int
    host_timeout: int
    labels: Mapping[str, str]
    origins: Mapping[str, str]

    def get_value(self, setting: Setting) -> Any:
        """The value of one setting of the table."""
        if setting.is_passed_on:
            return self.passed_on.get(setting.env)
        return getattr(self, setting.name)


class _Given(Struct, frozen=True):
    """The text that was given for a setting, its origin, and the folder for relative paths."""

    text: str
    origin: str
    base: Path


def load(
    flags: Mapping[str, str],
    environ: Mapping[str, str],
    env_file: Path | None = None,
    toml_texts: Mapping[str, str] | None = None,
) -> Settings:
    """Load all settings of this host.

    ``flags`` holds texts by setting name. ``env_file`` replaces the settings folder's ``.env``, and
    ``toml_texts`` the settings of ``config.toml``.
    """
    places = Places.of(environ)
    sources = [
        _from_flags(flags),
        _from_environment(environ),
        _from_env_file(places, env_file),
        _from_toml(places.config / CONFIG_FILE, toml_texts),
    ]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting in SETTINGS:
        given = next((source[setting.name] for source in sources if setting.name in source), None)
        values[setting.name] = _parse(setting, given) if given else setting.default_in(places)
        origins[setting.name] = given.origin if given else "default"
    _check_pool(values, origins)
    return Settings(
        config_file=places.config / CONFIG_FILE,
        passed_on=dict(_take_passed_on(values)),
        origins=origins,
        **values,
    )


def _from_flags(flags: Mapping[str, str]) -> dict[str, _Given]:
    return {
        toml.find_setting(name, "--set").name: _Given(text, "flag", HERE)
        for name, text in flags.items()
    }


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    # An empty variable counts as not set, as it does for compose files and shells.
    return {
        setting.name: _Given(environ[setting.env], f"environment {setting.env}", HERE)
        for setting in SETTINGS
        if environ.get(setting.env)
    }


def _from_env_file(places: Places, env_file: Path | None) -> dict[str, _Given]:
    path = env_file.absolute() if env_file else places.config / ENV_FILE
    lines = dotenv.read(path, is_optional=env_file is None)
    return {
        setting.name: _Given(line.value, f".env {path}:{line.line}", path.parent)
        for setting in SETTINGS
        if (line := lines.get(setting.env)) and line.value
    }


def _from_toml(path: Path, texts: Mapping[str, str] | None) -> dict[str, _Given]:
    given = toml.read(path) if texts is None else texts
    return {name: _Given(text, path.name, path.parent) for name, text in given.items()}


def _parse(setting: Setting, given: _Given) -> Any:
    try:
        return setting.kind.parse(given.text, given.base)
    except ValueError as error:
        shown = "" if setting.kind.is_secret else f" {hide_password(given.text)!r}"
        raise UsageError(
            f"{setting.name}{shown} (from {given.origin}) must be {error}",
            f"Correct it there, or override it: `--set {setting.name}=<value>`.",
        ) from None


def hide_password(text: str) -> str:
    """Hide the password of an address."""
    return re.sub(r"((?:/|^[a-z]+:)[^/@:]+:)[^/@]*@", r"\1***@", text)


def _check_pool(values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    pool, prefix = values["subnet_pool"], values["subnet_prefix"]
    size = int(pool.rpartition("/")[2])
    if prefix < size:
        raise UsageError(
            f"subnet_prefix {prefix} (from {origins['subnet_prefix']}) is larger than the whole "
            f"subnet_pool {pool} (from {origins['subnet_pool']})",
            f"Set subnet_prefix to {size} or more, or widen subnet_pool.",
        )


def _take_passed_on(values: dict[str, Any]) -> Iterator[tuple[str, Secret]]:
    """Take the settings that wb only passes on to the platform out of the other settings."""
    for setting in SETTINGS:
        if setting.is_passed_on and (value := values.pop(setting.name)) is not None:
            yield setting.env, value
