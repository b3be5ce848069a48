"""The names, ports, paths and environment of an instance's containers, which both halves know.

Existing deployments rely on every value here.
"""

from enum import StrEnum


class Role(StrEnum):
    """The containers of an instance, in start order. Labels and output show the value."""

    POSTGRES = "postgres"
    VALKEY = "valkey"
    ADMIN = "admin"
    PLATFORM = "platform"

    def container_name(self, instance_id: str) -> str:
        """The name and network alias: ``<id>`` for the platform, else ``<id>-<role>``."""
        return instance_id if self is Role.PLATFORM else f"{instance_id}-{self.value}"


STOP_ORDER = (Role.PLATFORM, Role.ADMIN, Role.POSTGRES, Role.VALKEY)
# A container has this suffix while its successor is not ready yet.
PREVIOUS_SUFFIX = "-previous"
# The container that changes the form of Valkey's files has this suffix.
CARRIER_SUFFIX = "-carrier"
RESERVED_SUFFIXES = (
    *(f"-{role}" for role in (Role.POSTGRES, Role.VALKEY, Role.ADMIN)),
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
FOLDER_MODES = {SANDBOX: 0o777}  # three different users write there

# The paths at which they are mounted.
POSTGRES_DATA_PATH = "/var/lib/postgresql/data"
PGDATA = f"{POSTGRES_DATA_PATH}/pgdata"
VALKEY_DATA_PATH = "/data"
SANDBOX_PATH = "/app/sandbox"
ASSETS_PATH = "/app/assets"
PLATFORM_DATABASES_PATH = "/app/databases"
# The paths whose data only one server may write to.
DATA_PATHS = (POSTGRES_DATA_PATH, VALKEY_DATA_PATH)
DOCKER_SOCKET_PATH = "/var/run/docker.sock"

VALKEY_COMMAND = ("valkey-server", "--save", "60", "1")

HEALTH_PATH = "/health_check"

# The seconds that a container has to stop by itself before the engine kills it.
STOP_TIMEOUTS = {Role.POSTGRES: 30, Role.VALKEY: 10, Role.PLATFORM: 10, Role.ADMIN: 10}
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
    PGDATA = "PGDATA"


PASSED_ON_SETTINGS = (
    "CLERK_PUBLISHABLE_KEY",
    "CLERK_SECRET_KEY",
    "ANTHROPIC_API_URL",
    "ANTHROPIC_API_KEY",
)
POSTGRES_SUPERUSER = "postgres"
DEFAULT_VALKEY_URL = f"redis://localhost:{VALKEY_PORT}"
