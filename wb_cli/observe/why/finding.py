"""The answer to why an instance stands as it does: a cause, a line, its evidence, a remedy."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.observe.crashes import describe as describe_crash
from wb_cli.observe.crashes import take_lines
from wb_cli.quantities import describe_age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.lifecycle.record.black_box import Crash
    from wb_cli.observe.history import PastCommand
    from wb_cli.observe.why.evidence import Evidence, PartEvidence

LOG_LINES = 5


class Cause(StrEnum):
    """What explains how an instance stands. The value is shown in ``--json``."""

    ENGINE_AWAY = "engine away"
    NOT_DECLARED = "not declared"
    ENTRY_REFUSED = "entry refused"
    NAME_TAKEN = "name taken"
    COMMAND_AT_WORK = "command at work"
    COMMAND_INTERRUPTED = "command interrupted"
    PAUSED = "paused"
    OUT_OF_MEMORY = "out of memory"
    RESTART_LOOP = "restart loop"
    STOPPED_FROM_OUTSIDE = "stopped from outside"
    KILLED_FROM_OUTSIDE = "killed from outside"
    CRASHED = "crashed"
    NOT_STARTED = "not started"
    PART_GONE = "part gone"
    PASSWORD_REFUSED = "password refused"  # noqa: S105  (not a password)
    NO_DATABASE = "no database"
    UNHEALTHY = "unhealthy"
    STARTING = "starting"
    START_FAILED = "start failed"
    IMAGE_MISSING = "image missing"
    MOUNT_PATH = "mount path"
    FOLDER = "folder"
    DATABASE_CLOSED = "database closed"
    DATABASE_VERSION = "database version"
    DATA_IN_USE = "data in use"
    HALF_RESTORED = "half restored"
    NO_ADDRESS = "no such address"
    PORT_TAKEN = "port taken"
    DISK = "disk"
    OBSTACLE = "other"
    STOPPED_BY_WB = "stopped by wb"
    REMOVED_FROM_OUTSIDE = "removed from outside"
    NEVER_STARTED = "never started"
    CRASHED_AND_BACK = "crashed and runs again"
    CHANGE_FAILED = "change failed"
    NOT_APPLIED = "change not applied"
    DRIFT = "drift"
    HEALTHY = "healthy"


class Finding(Struct, frozen=True):
    """Why an instance stands as it does. Without a remedy there is nothing to do."""

    cause: Cause
    line: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""

    def as_document(self, instance: str) -> dict[str, Any]:
        """Give the finding for ``--json``."""
        return {
            "instance": instance,
            "cause": self.cause,
            "line": self.line,
            "evidence": list(self.evidence),
            "remedy": self.remedy or None,
        }


def tell_parts(evidence: Evidence) -> Iterator[str]:
    """Tell how each part stands."""
    for part in evidence.parts:
        yield f"{part.name}: {tell_part(part)}"


def tell_part(part: PartEvidence) -> str:
    """Tell in a few words how a part stands."""
    if not part.detail:
        return "no container"
    condition = part.report.condition if part.report else part.detail.state
    if part.detail.state.has_ended:
        memory = ", out of memory" if part.detail.oom_killed else ""
        code = f"exit code {part.detail.exit_code}{memory}"
        return f"{condition} for {describe_age(part.detail.finished_at)}, {code}"
    since = f" for {describe_age(part.detail.started_at)}" if part.detail.started_at else ""
    more = f": {part.report.detail}" if part.report and part.report.detail else ""
    return f"{condition}{since}{more}"


def tell_command(command: PastCommand | None) -> Iterator[str]:
    """Tell the last wb command on the instance."""
    if command:
        ago = describe_age(command.begin.began)
        yield f"{ago} ago: `{command.begin.command}` of {command.user}: {command.result}"


def tell_crash(crash: Crash | None) -> Iterator[str]:
    """Tell how a container ended, with its last log lines."""
    if crash:
        yield describe_crash(crash)
        yield from (f"  {line}" for line in take_lines(crash, LOG_LINES).splitlines())
