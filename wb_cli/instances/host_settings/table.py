"""The table of settings: name, environment name, kind, default and meaning of each."""

from collections.abc import Callable
from pathlib import Path

from wb_cli.contract import PASSED_ON_SETTINGS, Part
from wb_cli.instances.host_settings import kinds
from wb_cli.instances.host_settings.backup_settings import BACKUP_SETTINGS
from wb_cli.instances.host_settings.certificate_settings import CERTIFICATE_SETTINGS
from wb_cli.instances.host_settings.nginx_settings import NGINX_SETTINGS
from wb_cli.instances.host_settings.setting import Places, Setting

# This has room for some ten thousand compressed results. Without a limit one instance could fill
# the memory of the host.
VALKEY_MAX_MEMORY = 1024**3
# PostgreSQL's parallel queries need more than Docker's 64 MB.
SHM_SIZE = 256 * 1024**2
LOG_MAX_SIZE, LOG_MAX_FILES = 10 * 1024**2, 3


def _find_in_data(name: str) -> Callable[[Places], Path]:
    return lambda places: places.data / name


def _make_passed_on(env: str) -> Setting:
    return Setting(
        env.lower(),
        env,
        kinds.SECRET,
        None,
        "passed on to the platform where set",
        (Part.PLATFORM,),
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
        parts=(Part.POSTGRES, Part.VALKEY, Part.WAL, Part.PLATFORM),
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
        parts=(Part.PLATFORM,),
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
    *NGINX_SETTINGS,
    *CERTIFICATE_SETTINGS,
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
        parts=(Part.POSTGRES, Part.WAL),
    ),
    Setting(
        "valkey_image",
        "WB_VALKEY_IMAGE",
        kinds.IMAGE,
        "valkey/valkey:8",
        "Valkey's image",
        parts=(Part.VALKEY,),
    ),
    Setting(
        "platform_image",
        "WB_PLATFORM_IMAGE",
        kinds.IMAGE_OF_VERSION,
        None,
        "the platform's image of instances that name none; else the stock image of their version",
        parts=(Part.PLATFORM,),
    ),
    Setting(
        "platform_check",
        "WB_PLATFORM_CHECK",
        kinds.COMMAND,
        None,
        "command that `wb upgrade` runs in a new image before it stops anything; else the image's",
    ),
    Setting(
        "admin_image",
        "WB_ADMIN_IMAGE",
        kinds.IMAGE_OF_VERSION,
        "timroberton/comb:wb-hmis-server-admin-v{version}",
        "the admin container's image",
        parts=(Part.ADMIN,),
    ),
    *BACKUP_SETTINGS,
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
        parts=(Part.PLATFORM,),
    ),
    Setting(
        "postgres_bind_address",
        "WB_POSTGRES_BIND_ADDRESS",
        kinds.ADDRESS,
        "127.0.0.1",
        "the address PostgreSQL is published on",
        parts=(Part.POSTGRES,),
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
        parts=(Part.VALKEY,),
    ),
    Setting(
        "cache_persistence",
        "WB_CACHE_PERSISTENCE",
        kinds.PERSISTENCE,
        "rdb",
        "how caches are kept on disk: rdb (snapshots) or aof (every write)",
        parts=(Part.VALKEY,),
    ),
    Setting(
        "shm_size",
        "WB_SHM_SIZE",
        kinds.SIZE,
        SHM_SIZE,
        "PostgreSQL's shared memory, in bytes or such as 512m",
        parts=(Part.POSTGRES,),
        silent_at_default=True,
    ),
    Setting(
        "postgres_settings",
        "WB_POSTGRES_SETTINGS",
        kinds.POSTGRES_SETTINGS,
        {},
        "PostgreSQL's own settings, as work_mem=16MB,max_connections=200",
        parts=(Part.POSTGRES,),
        silent_at_default=True,
    ),
    Setting(
        "log_max_size",
        "WB_LOG_MAX_SIZE",
        kinds.LOG_SIZE,
        LOG_MAX_SIZE,
        "how large one file of a container's log gets, in bytes or such as 10m",
        parts=tuple(Part),
        silent_at_default=True,
    ),
    Setting(
        "log_max_files",
        "WB_LOG_MAX_FILES",
        kinds.LOG_FILES,
        LOG_MAX_FILES,
        "how many files of a container's log are kept",
        parts=tuple(Part),
        silent_at_default=True,
    ),
    Setting(
        "host_timeout",
        "WB_HOST_TIMEOUT",
        kinds.SECONDS,
        5,
        "the seconds in which a host answers `wb status`, where instances name their `host`",
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
