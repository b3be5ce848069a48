"""The table of fields: what an entry of the registry file may have."""

from typing import Any

from wb_cli.contract import Part
from wb_cli.instances import deploy_hours, values
from wb_cli.instances.postgres_settings import parse_postgres_settings
from wb_cli.instances.registry_file import field_rules as rules
from wb_cli.instances.registry_file.field import (
    FLAG,
    LIST,
    MEMBERS,
    NUMBER,
    SIZE,
    TEXT,
    VARIABLES,
    Field,
)

POSTGRES, VALKEY, PLATFORM = (Part.POSTGRES,), (Part.VALKEY,), (Part.PLATFORM,)
TRUE_OR_FALSE = "true or false"
FALSE = "false"
ADDRESS = "an IP address"
SIZES = "6m or more, as in 512m, 2g"
POSTGRES_SETTINGS = "postgresSettings"
IF_STOCK = "true with a stock image, else false"


def _make_choice(name: str, attribute: str, *choices: str, **more: Any) -> Field:
    return Field(
        name=name,
        attribute=attribute,
        type=TEXT,
        parse=values.parse_one_of(*choices),
        allowed=" or ".join(choices),
        choices=choices,
        **more,
    )


def _make_flag(
    name: str,
    attribute: str,
    text: str,
    default: str = FALSE,
    parts: tuple[Part, ...] = PLATFORM,
) -> Field:
    return Field(
        name=name,
        attribute=attribute,
        type=FLAG,
        parse=values.parse_flag,
        allowed=TRUE_OR_FALSE,
        default=default,
        help=text,
        parts=parts,
    )


def _make_limits(part: Part, prefix: str, whose: str) -> tuple[Field, Field]:
    """Make the fields of a part's limits. The platform's have no prefix."""
    capital = (lambda word: f"{prefix}{word.capitalize()}") if prefix else str
    attribute = f"{prefix}_" if prefix else ""
    memory = Field(
        name=capital("memory"),
        attribute=f"{attribute}memory",
        type=SIZE,
        parse=values.parse_size,
        allowed=SIZES,
        default="no limit",
        help=f"{whose} memory limit",
        parts=(part,),
    )
    cpus = Field(
        name=capital("cpus"),
        attribute=f"{attribute}cpus",
        type=NUMBER,
        parse=values.parse_cpus,
        allowed="0.01 to 1024",
        default="no limit",
        help=f"limit of {whose} use of processors",
        parts=(part,),
    )
    return memory, cpus


FIELDS = (
    Field(
        name="id",
        attribute="id",
        type=TEXT,
        parse=rules.parse_id,
        allowed="1 to 40 of a-z, 0-9, inner -",
        help="name of its containers, network and folder",
        parts=tuple(Part),
        is_required=True,
    ),
    Field(
        name="label",
        attribute="label",
        type=TEXT,
        parse=values.parse_line,
        allowed="one line",
        help="name that people see",
        parts=PLATFORM,
        is_required=True,
    ),
    Field(
        name="port",
        attribute="port",
        type=NUMBER,
        parse=rules.parse_port,
        allowed=f"{rules.PORTS[0]} to {rules.PORTS[-1]}",
        help="platform's port on the host; PostgreSQL's is 10000 higher",
        parts=(Part.POSTGRES, Part.PLATFORM),
        is_required=True,
    ),
    Field(
        name="serverVersion",
        attribute="server_version",
        type=TEXT,
        parse=values.parse_version,
        allowed="as in 1.6.7",
        help="platform's version",
        parts=PLATFORM,
        is_required=True,
    ),
    Field(
        name="adminVersion",
        attribute="admin_version",
        type=TEXT,
        parse=rules.parse_admin_version,
        allowed="as in 1.6.7",
        default="no admin container",
        help="admin container's version",
        parts=(Part.ADMIN, Part.PLATFORM),
    ),
    Field(
        name="instanceDir",
        attribute="instance_dir",
        type=TEXT,
        parse=rules.parse_folder,
        allowed="a path below the mount path",
        default="the id",
        help="its folder",
        parts=(Part.POSTGRES, Part.VALKEY, Part.WAL, Part.PLATFORM),
    ),
    _make_flag("french", "french", "interface in French"),
    _make_flag("ethiopian", "ethiopian", "Ethiopian calendar"),
    _make_flag("openAccess", "open_access", "no sign-in"),
    Field(
        name="tags",
        attribute="tags",
        type=LIST,
        parse=rules.parse_tags,
        allowed="words, as in a,b",
        default="none",
        help="words to select it by: tag a is chosen by @a",
    ),
    Field(
        name="image",
        attribute="image",
        type=TEXT,
        parse=values.parse_image,
        allowed="an image, as in team/app:1.2",
        default="the stock image of its version",
        setting="platform_image",
        help="platform's image",
        parts=PLATFORM,
    ),
    Field(
        name="env",
        attribute="env",
        type=VARIABLES,
        parse=values.parse_environment,
        allowed="set one by env.NAME=text",
        default="none",
        help="more environment variables of the platform",
        parts=PLATFORM,
        is_private=True,
    ),
    Field(
        name="bindAddress",
        attribute="bind_address",
        type=TEXT,
        parse=values.parse_address,
        allowed=ADDRESS,
        setting="bind_address",
        help="address that the platform's port is published on",
        parts=PLATFORM,
    ),
    Field(
        name="nginxUpstream",
        attribute="nginx_upstream",
        type=TEXT,
        parse=values.parse_upstream,
        allowed="the IP address of a machine",
        setting="nginx_upstream",
        default="the address that the platform is published on",
        help="address at which nginx reaches the platform, where that is another machine",
    ),
    Field(
        name="postgresBindAddress",
        attribute="postgres_bind_address",
        type=TEXT,
        parse=values.parse_address,
        allowed=ADDRESS,
        setting="postgres_bind_address",
        help="address that PostgreSQL's port is published on",
        parts=POSTGRES,
    ),
    _make_flag("dockerSocket", "docker_socket", "platform may use the Docker socket", IF_STOCK),
    _make_flag("mountDatabases", "mount_databases", "platform sees PostgreSQL's folder", IF_STOCK),
    _make_choice(
        "restart", "restart", "always", "no",
        default="always",
        help="no: PostgreSQL and Valkey run with --rm, and stay down after a reboot",
        parts=(Part.POSTGRES, Part.VALKEY),
    ),
    *_make_limits(Part.PLATFORM, "", "platform's"),
    *_make_limits(Part.POSTGRES, "postgres", "PostgreSQL's"),
    *_make_limits(Part.VALKEY, "valkey", "Valkey's"),
    *_make_limits(Part.ADMIN, "admin", "the admin container's"),
    Field(
        name="postgresImage",
        attribute="postgres_image",
        type=TEXT,
        parse=values.parse_image,
        allowed="an image, as in postgres:17.6",
        setting="postgres_image",
        help="PostgreSQL's image; another major version needs `wb upgrade-postgres`",
        parts=(Part.POSTGRES, Part.WAL),
    ),
    Field(
        name="shmSize",
        attribute="shm_size",
        type=SIZE,
        parse=values.parse_size,
        allowed=SIZES,
        setting="shm_size",
        help="PostgreSQL's shared memory, which its parallel queries need",
        parts=POSTGRES,
    ),
    Field(
        name=POSTGRES_SETTINGS,
        attribute="postgres_settings",
        type=MEMBERS,
        parse=parse_postgres_settings,
        allowed=f"set one by {POSTGRES_SETTINGS}.work_mem=16MB",
        setting="postgres_settings",
        default="none",
        help="PostgreSQL's own settings; one that is not given is the setting's",
        parts=POSTGRES,
    ),
    Field(
        name="valkeyMaxMemory",
        attribute="valkey_max_memory",
        type=SIZE,
        parse=values.parse_size,
        allowed=SIZES,
        setting="valkey_max_memory",
        help="memory of the cache; when full, it drops what is used least",
        parts=VALKEY,
    ),
    _make_flag(
        "pointInTime", "point_in_time",
        "its WAL is received, so that it can go back to any moment",
        parts=(Part.POSTGRES, Part.WAL),
    ),
    Field(
        name="priority",
        attribute="priority",
        type=NUMBER,
        parse=rules.parse_priority,
        allowed=f"{rules.PRIORITIES[0]} to {rules.PRIORITIES[-1]}",
        default="0",
        help="of several instances, those with a higher one are started first",
    ),
    _make_choice(
        "cachePersistence", "cache_persistence", "rdb", "aof",
        setting="cache_persistence",
        help="how the cache is kept on disk: snapshots (rdb) or a log of every write (aof)",
        parts=VALKEY,
    ),
    Field(
        name="deployHours",
        attribute="deploy_hours",
        type=TEXT,
        parse=deploy_hours.parse_hours_field,
        allowed=deploy_hours.HOURS_ALLOWED,
        default="any hour",
        help="hours of the day in which `wb upgrade` may replace the platform",
    ),
    Field(
        name="timezone",
        attribute="timezone",
        type=TEXT,
        parse=deploy_hours.parse_zone_field,
        allowed=deploy_hours.ZONE_ALLOWED,
        default="this machine's",
        help="time zone of those hours",
    ),
    Field(
        name="node",
        attribute="node",
        type=TEXT,
        parse=values.parse_line,
        allowed="one line",
        default="any",
        help="machine of a Swarm that it runs on",
    ),
    Field(
        name="host",
        attribute="host",
        type=TEXT,
        parse=rules.parse_host,
        allowed="as in ssh://root@far, or context:NAME",
        default="the engine that the command chooses",
        help="host of its engine, if that is not this machine",
    ),
)  # fmt: skip
FIELDS_BY_NAME = {field.name: field for field in FIELDS}
