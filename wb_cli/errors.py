"""What can go wrong, each kind with its exit code.

Every error names what failed and the value, and carries a ``hint``: what to do next.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells the shell. Listed in the README; scripts rely on the numbers."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    PARTIAL = 3
    DEGRADED = 4
    STILL_STARTING = 5
    ENGINE_UNREACHABLE = 6
    LOCKED = 7
    INTERRUPTED = 130
    TERMINATED = 143


class WbError(Exception):
    """Something failed that the user can act on.

    Args:
        message: what failed, with the value.
        hint: what to do next; empty where the message says it all.

    Whoever passes the error on may change ``message`` and ``hint``, to say more than was known
    where it was raised. ``details`` are the lines of several problems, each with its remedy beside
    it. Where there are any, people are shown ``overview`` and these lines instead of the message
    and the hint.
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
    """The user gave a value that cannot be right."""

    exit_code = ExitCode.USAGE


class EngineUnreachableError(WbError):
    """The Docker Engine does not answer, so nothing is known of its containers.

    Args:
        is_absent: no engine runs on this machine and none was chosen elsewhere, so that one can be
            installed or started here.
    """

    exit_code = ExitCode.ENGINE_UNREACHABLE

    def __init__(self, message: str, hint: str = "", *, is_absent: bool = False) -> None:
        super().__init__(message, hint)
        self.is_absent = is_absent


class EngineError(WbError):
    """The Docker Engine refused a call; the message holds its own words."""


class ImageMissingError(EngineError):
    """An image is not on this engine."""


class NotFoundError(EngineError):
    """The engine knows no such container or network."""


class AddressPoolError(EngineError):
    """A network's subnet overlaps another one on this host."""


class StartFailedError(WbError):
    """A container exited, or stayed unhealthy, while its instance was starting.

    ``ended_cleanly`` says that it ended as one does that is told to stop.
    """

    def __init__(self, message: str, hint: str = "", *, ended_cleanly: bool = False) -> None:
        super().__init__(message, hint)
        self.ended_cleanly = ended_cleanly


class StillStartingError(WbError):
    """An instance was not ready in time; it was left running."""

    exit_code = ExitCode.STILL_STARTING


class UnexpectedError(WbError):
    """What should not happen: a fault of wb itself, with what was raised as its cause."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"unexpected {type(cause).__name__}: {cause}",
            "This is a fault of wb. Run it again with --verbose for the details to report.",
        )
        self.__cause__ = cause


class LockedError(WbError):
    """Somebody else is changing this instance."""

    exit_code = ExitCode.LOCKED
