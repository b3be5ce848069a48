"""The names, ports, paths and environment of an instance's containers, which both halves know.

Existing deployments rely on every value here.
"""

from enum import StrEnum


class Part(StrEnum):
    """The containers of an instance, in start order. Labels and output show the value."""

    POSTGRES = "postgres"
    VALKEY = "valkey"
    WAL = "wal"
    ADMIN = "admin"
    PLATFORM = "platform"

    def container_name(self, instance_id: str) -> str:
        """The name and network alias: ``<id>`` for the platform, else ``<id>-<part>``."""
        return instance_id if self is Part.PLATFORM else f"{instance_id}-{self.value}"


# An instance has these if its entry asks for them, and all the others in any case.
OPTIONAL_PARTS = (Part.WAL, Part.ADMIN)
# Without these an instance still serves.
SPARE_PARTS = (Part.VALKEY, Part.WAL)
REQUIRED_PARTS = tuple(part for part in Part if part not in OPTIONAL_PARTS)
# PostgreSQL waits at its end until its receiver has the last WAL, so the receiver ends after it.
STOP_ORDER = (Part.PLATFORM, Part.ADMIN, Part.POSTGRES, Part.WAL, Part.VALKEY)
# A container has this suffix while its successor is not ready yet.
PREVIOUS_SUFFIX = "-previous"
# The container that changes the form of Valkey's files has this suffix.
CARRIER_SUFFIX = "-carrier"
RESERVED_SUFFIXES = (
    *(f"-{part}" for part in (Part.POSTGRES, Part.VALKEY, Part.WAL, Part.ADMIN)),
    PREVIOUS_SUFFIX,
    CARRIER_SUFFIX,
)

# Ports inside the containers, and the distance of PostgreSQL's host port from the platform's.
POSTGRES_PORT = 5432
VALKEY_PORT = 6379
PLATFORM_PORT = 8000
ADMIN_PORT = 8001
POSTGRES_HOST_PORT_OFFSET = 10_000

# The folders of an instance below `<mount path>/<instanceDir or id>/`.
DATABASES = "databases"
SANDBOX = "sandbox"
EXPORTS = "exports"
ASSETS = "assets"
VALKEY_DATA = "valkey_data"
FOLDERS = (DATABASES, SANDBOX, EXPORTS, ASSETS, VALKEY_DATA)
# An instance that can go back to a moment has these, too: the WAL that was received, and the socket
# of its PostgreSQL. The database trusts everybody at its socket, so the folder above is closed.
WAL, WAL_RECEIVED, WAL_SOCKET = "wal", "wal/received", "wal/socket"
WAL_FOLDERS = (WAL, WAL_RECEIVED, WAL_SOCKET)
# Different users write to the sandbox, and PostgreSQL's own user to its socket.
FOLDER_MODES = {SANDBOX: 0o777, WAL: 0o700, WAL_RECEIVED: 0o700, WAL_SOCKET: 0o777}

# Beside them: what a restore put away, what it fetched, and what it is removing.
BEFORE_RESTORE, RESTORED, GIVEN_UP = ".before-restore", ".restored", ".given-up"
OF_RESTORE = (BEFORE_RESTORE, RESTORED, GIVEN_UP)
# The marks that it is moving folders just now, or moving them back, and what was not there before.
MOVING, GOING_BACK = f"{BEFORE_RESTORE}/.moving", f"{BEFORE_RESTORE}/.going-back"
ABSENT_BEFORE = f"{BEFORE_RESTORE}/.absent"
# In the folders of an upgrade of PostgreSQL: which image belongs to those from before, and after.
IMAGES_OF_UPGRADE = ".postgres-images"

# The paths at which they are mounted.
POSTGRES_DATA_PATH = "/var/lib/postgresql/data"
# From this major version on, the image of PostgreSQL has its volume here, one folder higher.
POSTGRES_HOME_PATH = "/var/lib/postgresql"
FIRST_MAJOR_WITH_HOME = 18
# The folder of the database in the instance's folder `databases`, for every version.
PGDATA_NAME = "pgdata"
PGDATA = f"{POSTGRES_DATA_PATH}/{PGDATA_NAME}"
VALKEY_DATA_PATH = "/data"
SANDBOX_PATH = "/app/sandbox"
ASSETS_PATH = "/app/assets"
PLATFORM_DATABASES_PATH = "/app/databases"
WAL_PATH = "/wal"
POSTGRES_SOCKET_PATH = "/var/run/postgresql"
# The paths whose data only one server may write to.
DATA_PATHS = (POSTGRES_DATA_PATH, POSTGRES_HOME_PATH, VALKEY_DATA_PATH)
DOCKER_SOCKET_PATH = "/var/run/docker.sock"

VALKEY_COMMAND = ("valkey-server", "--save", "60", "1")

HEALTH_PATH = "/health_check"
METRICS_PATH = "/metrics"
LAST_HOUR_PATH = "/metrics/hour"
OPENAPI_PATH = "/openapi.json"


class PrivateRoutes(StrEnum):
    """Routes of the platform that nginx forwards only if the operator asks for it."""

    CHANGES = "changes"
    METRICS = "metrics"
    OPENAPI = "openapi"


# The routes that change something, by method and path. A part in braces is any one part of a path.
CHANGING_ROUTES = (
    ("POST", "/api/projects/{project}/objects/{object}/touch"),
    ("POST", "/api/projects/{project}/modules/{module}/run/begin"),
    ("POST", "/api/projects/{project}/modules/{module}/run/complete"),
    ("DELETE", "/api/caches/{cache}"),
    ("DELETE", "/api/caches"),
    ("DELETE", "/api/projects/{project}/caches"),
)

# The seconds that a container has to stop by itself before the engine kills it.
STOP_TIMEOUTS = {
    Part.POSTGRES: 30,
    Part.VALKEY: 10,
    Part.WAL: 10,
    Part.ADMIN: 10,
    Part.PLATFORM: 10,
}
# The platform server ends itself after this time, before the engine's 10 s are over.
SHUTDOWN_FAILSAFE_S = 8.0
# The platform waits this long for Valkey; then the instance counts as degraded.
VALKEY_START_GRACE_S = 10.0


class Env:
    """Environment names of the platform and PostgreSQL containers."""

    INSTANCE_ID = "INSTANCE_ID"
    INSTANCE_NAME = "INSTANCE_NAME"
    INSTANCE_LANGUAGE = "INSTANCE_LANGUAGE"
    INSTANCE_CALENDAR = "INSTANCE_CALENDAR"
    OPEN_ACCESS = "OPEN_ACCESS"
    INSTANCE_REDIRECT_URL = "INSTANCE_REDIRECT_URL"
    SERVER_VERSION = "SERVER_VERSION"
    DATABASE_FOLDER = "DATABASE_FOLDER"
    ADMIN_VERSION = "ADMIN_VERSION"
    ADMIN_SERVER_HOST = "ADMIN_SERVER_HOST"
    SANDBOX_DIR_PATH_EXTERNAL = "SANDBOX_DIR_PATH_EXTERNAL"
    PG_HOST = "PG_HOST"
    PG_PORT = "PG_PORT"
    PG_PASSWORD = "PG_PASSWORD"  # noqa: S105  (a name, not a password)
    VALKEY_URL = "VALKEY_URL"
    WB_ADMIN_TOKEN = "WB_ADMIN_TOKEN"  # noqa: S105
    POSTGRES_PASSWORD_FILE = "POSTGRES_PASSWORD_FILE"  # noqa: S105
    POSTGRES_INITDB_ARGS = "POSTGRES_INITDB_ARGS"
    PGDATA = "PGDATA"


PASSED_ON_SETTINGS = (
    "CLERK_PUBLISHABLE_KEY",
    "CLERK_SECRET_KEY",
    "ANTHROPIC_API_URL",
    "ANTHROPIC_API_KEY",
)
POSTGRES_SUPERUSER = "postgres"
DEFAULT_VALKEY_URL = f"redis://localhost:{VALKEY_PORT}"
