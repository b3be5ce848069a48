"""The platform's environment variables that wb sets itself, and what to set instead. Pure."""

import re

from wb_cli.contract import Env

# A shell, and any other program, can read a variable of such a name.
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

_DATABASE = "the platform reaches the instance's own database by it"
_FIELD = "the field {} decides it"
REASONS = {
    Env.INSTANCE_ID: _FIELD.format("id"),
    Env.INSTANCE_NAME: _FIELD.format("label"),
    Env.INSTANCE_LANGUAGE: _FIELD.format("french"),
    Env.INSTANCE_CALENDAR: _FIELD.format("ethiopian"),
    Env.OPEN_ACCESS: _FIELD.format("openAccess"),
    Env.INSTANCE_REDIRECT_URL: "the setting domain decides it",
    Env.SERVER_VERSION: _FIELD.format("serverVersion"),
    Env.DATABASE_FOLDER: _FIELD.format("instanceDir"),
    Env.ADMIN_VERSION: _FIELD.format("adminVersion"),
    Env.ADMIN_SERVER_HOST: _FIELD.format("adminVersion"),
    Env.SANDBOX_DIR_PATH_EXTERNAL: "it is where the instance's sandbox lies on this host",
    Env.PG_HOST: _DATABASE,
    Env.PG_PORT: _DATABASE,
    Env.PG_PASSWORD: "the setting PG_PASSWORD decides it",
    Env.VALKEY_URL: "the platform reaches the instance's own cache by it",
    Env.WB_ADMIN_TOKEN: "it is generated, and stands in the secrets folder",
    "PORT": "the platform must listen on 8000 in its container; the field port is the host's",
}


def find_objection(name: str) -> str:
    """Say why an instance should not have a variable of this name; "" where it may."""
    if not VARIABLE.fullmatch(name):
        return (
            f"env.{name}: the name of a variable is letters, digits and _, and begins with no digit"
        )
    reason = REASONS.get(name)
    return f"env.{name}: wb sets this variable itself: {reason}" if reason else ""
