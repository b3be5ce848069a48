"""The table of settings: name, environment name, kind, default and meaning of each."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from wb_cli.contract import PASSED_ON_SETTINGS, Role
from wb_cli.instances import kinds
from wb_cli.instances.kinds import Kind

APP = "wb"
CONFIG_DIR = "WB_CONFIG_DIR"
CONFIG_FILE = "config.toml"
ENV_FILE = ".env"


class Places(Struct, frozen=True):
    """The folders in which the default paths lie: for root the site's folders, else the user's."""

    config: Path
    data: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Places":
        """The folders of the user who runs wb. ``WB_CONFIG_DIR`` moves the settings folder."""
        import platformdirs

        if os.geteuid() == 0:
            config = _prefer_usual(platformdirs.site_config_dir(multipath=True), "/etc/xdg")
            data = _prefer_usual(platformdirs.site_data_dir(multipath=True), "/usr/local/share")
        else:
            config, data = platformdirs.user_config_dir(), platformdirs.user_data_dir()
        moved = environ.get(CONFIG_DIR)
        return cls(Path(moved).absolute() if moved else Path(config, APP), Path(data, APP))


def _prefer_usual(paths: str, usual: str) -> str:
    """Choose the usual folder if it is among the site's folders, else the first.

    Desktops and package systems put their own folders first, but only in login shells. Without this
    rule, the fleet would be there in one shell and seem to be empty in another.
    """
    folders = paths.split(os.pathsep)
    return usual if usual in (folder.rstrip("/") for folder in folders) else folders[0]


# This has room for some ten thousand compressed results. Without a limit one instance could fill
# the memory of the host.
VALKEY_MAX_MEMORY = 1024**3


class Setting(Struct, frozen=True):
    """One setting. ``default`` is a value, or a function of the :class:`Places`.

    ``parts`` are the containers of an instance that the value changes.
    """

    name: str
    env: str
    kind: Kind
    default: Any
    help: str
    parts: tuple[Role, ...] = ()

    def default_in(self, places: Places) -> Any:
        """Its default value, given the folders."""
        return self.default(places) if callable(self.default) else self.default

    @property
    def is_passed_on(self) -> bool:
        """Whether wb only passes it into the platform's environment, under its own name."""
        return self.env in PASSED_ON_SETTINGS


def _find_in_data(name: str) -> Callable[[Places], Path]:
    return lambda places: places.data / name


def _make_passed_on(env: str) -> Setting:
    return Setting(
        env.lower(),
        env,
        kinds.SECRET,
        None,
        "passed on to the platform where set",
        (Role.PLATFORM,),
    )


SETTINGS = (
    Setting(
        "servers_file",
        "SERVERS_FILE_PATH",
        kinds.PATH,
        _find_in_data("servers.json"),
        "the registry file",
    ),
    Setting(
        "mount_path",
        "MOUNT_PATH",
        kinds.PATH,
        _find_in_data("instances"),
        "the folder that holds every instance's folders",
        parts=(Role.POSTGRES, Role.VALKEY, Role.PLATFORM),
    ),
    Setting(
        "secrets_dir",
        "WB_SECRETS_DIR",
        kinds.PATH,
        _find_in_data("secrets"),
        "the folder of the generated passwords, for its owner alone",
    ),
    Setting(
        "domain",
        "DOMAIN",
        kinds.DOMAIN_NAME,
        "localhost",
        "instances are reached at https://<id>.<domain>",
        parts=(Role.PLATFORM,),
    ),
    Setting(
        "sites_available",
        "SITES_AVAILABLE_PATH",
        kinds.PATH,
        Path("/etc/nginx/sites-available"),
        "where nginx files are written",
    ),
    Setting(
        "sites_enabled",
        "SITES_ENABLED_PATH",
        kinds.PATH,
        Path("/etc/nginx/sites-enabled"),
        "where nginx files are linked",
    ),
    Setting(
        "postgres_password",
        "POSTGRES_PASSWORD",
        kinds.SECRET,
        None,
        "what new databases are initialised with; generated per instance where unset",
    ),
    Setting(
        "pg_password",
        "PG_PASSWORD",
        kinds.SECRET,
        None,
        "what platforms connect with; POSTGRES_PASSWORD where unset",
    ),
    *(_make_passed_on(env) for env in PASSED_ON_SETTINGS),
    Setting(
        "postgres_image",
        "WB_POSTGRES_IMAGE",
        kinds.IMAGE,
        "postgres:17.4",
        "PostgreSQL's image",
        parts=(Role.POSTGRES,),
    ),
    Setting(
        "valkey_image",
        "WB_VALKEY_IMAGE",
        kinds.IMAGE,
        "valkey/valkey:8",
        "Valkey's image",
        parts=(Role.VALKEY,),
    ),
    Setting(
        "platform_image",
        "WB_PLATFORM_IMAGE",
        kinds.IMAGE_OF_VERSION,
        None,
        "the platform's image of instances that name none; else the stock image of their version",
        parts=(Role.PLATFORM,),
    ),
    Setting(
        "admin_image",
        "WB_ADMIN_IMAGE",
        kinds.IMAGE_OF_VERSION,
        "timroberton/comb:wb-hmis-server-admin-v{version}",
        "the admin container's image",
        parts=(Role.ADMIN,),
    ),
    Setting(
        "pull_images",
        "WB_PULL_IMAGES",
        kinds.IMAGES,
        (),
        "what `wb pull` fetches besides the platforms' images; the stock list where empty",
    ),
    Setting(
        "mirror",
        "WB_MIRROR",
        kinds.MIRROR,
        "",
        "a registry to take every image from; local tags stay as they are",
    ),
    Setting(
        "bind_address",
        "WB_BIND_ADDRESS",
        kinds.ADDRESS,
        "127.0.0.1",
        "the address platforms are published on",
        parts=(Role.PLATFORM,),
    ),
    Setting(
        "postgres_bind_address",
        "WB_POSTGRES_BIND_ADDRESS",
        kinds.ADDRESS,
        "127.0.0.1",
        "the address PostgreSQL is published on",
        parts=(Role.POSTGRES,),
    ),
    Setting(
        "subnet_pool",
        "WB_SUBNET_POOL",
        kinds.POOL,
        "10.213.0.0/16",
        "the range that instances' networks are cut from",
    ),
    Setting(
        "subnet_prefix",
        "WB_SUBNET_PREFIX",
        kinds.PREFIX,
        26,
        "the prefix length of an instance's network",
    ),
    Setting(
        "valkey_max_memory",
        "WB_VALKEY_MAX_MEMORY",
        kinds.SIZE,
        VALKEY_MAX_MEMORY,
        "Valkey's memory per instance, in bytes or such as 2g; full, it drops what is used least",
        parts=(Role.VALKEY,),
    ),
    Setting(
        "cache_persistence",
        "WB_CACHE_PERSISTENCE",
        kinds.PERSISTENCE,
        "rdb",
        "how caches are kept on disk: rdb (snapshots) or aof (every write)",
        parts=(Role.VALKEY,),
    ),
    Setting(
        "labels",
        "WB_LABELS",
        kinds.LABELS,
        {},
        "labels for every container and network, as team=data,site=west",
    ),
)
SETTINGS_BY_NAME = {setting.name: setting for setting in SETTINGS}
