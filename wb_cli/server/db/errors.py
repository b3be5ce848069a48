"""The errors of PostgreSQL. Only here do asyncpg's errors become ours."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from wb_cli.errors import WbError


class DatabaseError(WbError):
    """PostgreSQL refused a statement. The message quotes PostgreSQL."""


class DatabaseUnavailableError(DatabaseError):
    """PostgreSQL cannot be reached, or it is starting or stopping. A later try may succeed."""


class DatabaseBusyError(DatabaseUnavailableError):
    """Every connection was in use until the caller's time was over."""


class DeadlockError(DatabaseBusyError):
    """Two transactions waited for each other. PostgreSQL ended this one; it wrote nothing."""


class QueryTimeoutError(DatabaseError):
    """A statement ran into its time limit."""


class DatabaseMissingError(DatabaseError):
    """There is no database of this name. The project is unknown, or was removed."""


class RecordMissingError(DatabaseError):
    """The thing asked for (project, object, metric, module) does not exist."""


# For a closed connection asyncpg raises InterfaceError itself, which counts as unreachable too. Its
# subclasses are mistakes of the caller, and do not.
UNREACHABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InternalClientError,
)


@contextmanager
def postgres_errors(host: str = "") -> Iterator[None]:
    """Turn what asyncpg raises inside the block into errors of this module.

    ``host`` is the host that the block connects to, if it does.
    """
    try:
        yield
    except (
        OSError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    ) as error:
        raise translation(error, host) from error


def translation(error: Exception, host: str = "") -> DatabaseError:
    """Our error for an error of asyncpg."""
    if host and isinstance(error, socket.gaierror | ConnectionRefusedError):
        return unreachable(error, host)
    why = reason(error)
    if isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
        return QueryTimeoutError(
            f"PostgreSQL did not answer in time: {why}",
            "try again; if it stays, look at what the database is busy with",
        )
    if isinstance(error, asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
        return DeadlockError(f"PostgreSQL ended a statement: {why}", "try again")
    if isinstance(error, UNREACHABLE) or type(error) is asyncpg.InterfaceError:
        return DatabaseUnavailableError(
            f"PostgreSQL cannot be used: {why}", "check that its container is running"
        )
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return DatabaseMissingError(why, "check the project's id")
    return DatabaseError(f"PostgreSQL refused a statement: {why}")


def unreachable(error: OSError, host: str) -> DatabaseUnavailableError:
    """Our error for a host that cannot be found, or on which PostgreSQL does not run."""
    if isinstance(error, socket.gaierror):
        # The engine's name server knows a container's name only while the container runs.
        return DatabaseUnavailableError(
            f'cannot find the host "{host}": is its container running?',
            "start it, or correct PG_HOST",
        )
    return DatabaseUnavailableError(
        f'the host "{host}" refuses connections: does PostgreSQL run there?',
        "start it, or correct PG_HOST and PG_PORT",
    )


def no_project(project_id: str) -> DatabaseMissingError:
    """The error for a project that is not known."""
    return DatabaseMissingError(
        f'there is no project "{project_id}"', "`GET /api/projects` lists the projects"
    )


def reason(error: BaseException) -> str:
    """One line that says what happened, also for an error without a text."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    first_line, *_ = str(error).splitlines() or [""]
    return first_line or type(error).__name__
