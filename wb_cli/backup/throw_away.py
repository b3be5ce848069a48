"""What is common to the programs that start a throw-away PostgreSQL on a copy."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Collection

    from wb_cli.engine.task import TaskEnd

SCRIPT = "throw_away.sh"
# What the programs say of a PostgreSQL that did not end by itself, and the exit code of that.
KILLED, SIGKILLED = "killed", 137


def read_common_script() -> dict[str, bytes]:
    """Read what such a program takes in, as a file of its container."""
    return {f"/{SCRIPT}": files(__package__).joinpath(SCRIPT).read_bytes()}


def see_whether_killed(end: TaskEnd, said: Collection[str]) -> TaskEnd:
    """Give the end of such a program as that of a killed one, if its PostgreSQL was killed."""
    return replace(end, code=SIGKILLED) if KILLED in said else end
