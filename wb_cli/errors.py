"""The kinds of errors, each with its exit code.

Every error names what failed and the value. Its ``hint`` says what to do next.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the process. The README lists them, and scripts rely on the numbers."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    PARTIAL = 3
    DEGRADED = 4
    STILL_STARTING = 5
    ENGINE_UNREACHABLE = 6
    LOCKED = 7
    DIFFERS = 8
    INTERRUPTED = 130
    TERMINATED = 143


class WbError(Exception):
    """Something failed, and the user can do something about it.

    Args:
        message: what failed, with the value.
        hint: what to do next; empty where the message says it all.

    Code that catches the error and raises it again may change ``message`` and ``hint``, to add what
    was not known where it was raised. ``details`` has a line for each of several problems, with its
    remedy. If there are details, people see ``overview`` and these lines instead of the message and
    the hint.
    """

    exit_code: ExitCode = ExitCode.FAILURE
    overview = ""
    details: tuple[str, ...] = ()

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message

    @property
    def headline(self) -> str:
        """The first line of the message, for a table or a line of progress."""
        return self.message.partition("\n")[0]


class UsageError(WbError):
    """The user gave a wrong value."""

    exit_code = ExitCode.USAGE


class EngineUnreachableError(WbError):
    """The Docker Engine does not answer, so the state of its containers is not known.

    Args:
        is_absent: no engine runs on this machine, and the user chose no engine elsewhere. So an
            engine can be installed or started here.
        said: what the message says without the engine's address, where it has one.
    """

    exit_code = ExitCode.ENGINE_UNREACHABLE

    def __init__(
        self, message: str, hint: str = "", *, is_absent: bool = False, said: str = ""
    ) -> None:
        super().__init__(message, hint)
        self.is_absent = is_absent
        self.said = said


class EngineError(WbError):
    """The Docker Engine refused a call. The message holds the engine's own text."""


class ImageMissingError(EngineError):
    """An image is not on this engine."""


class NotFoundError(EngineError):
    """The engine knows no such container or network."""


class AddressPoolError(EngineError):
    """A network's subnet overlaps another one on this host."""


class StartFailedError(WbError):
    """A container exited, or stayed unhealthy, while its instance was starting.

    ``ended_cleanly`` says that it ended in the way of a container that was told to stop.
    """

    def __init__(self, message: str, hint: str = "", *, ended_cleanly: bool = False) -> None:
        super().__init__(message, hint)
        self.ended_cleanly = ended_cleanly


class StillStartingError(WbError):
    """An instance was not ready in time. It was left running."""

    exit_code = ExitCode.STILL_STARTING


class UnexpectedError(WbError):
    """A fault of wb itself. Its cause is the exception that was raised."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"unexpected {type(cause).__name__}: {cause}",
            "This is a fault of wb. Run it again with --verbose for the details to report.",
        )
        self.__cause__ = cause


class LockedError(WbError):
    """Another process is changing this instance."""

    exit_code = ExitCode.LOCKED
