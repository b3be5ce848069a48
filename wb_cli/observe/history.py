"""Read the history: which wb commands were done to instances, and how they ended."""

from __future__ import annotations

import os
import re
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.instances.files import file_errors
from wb_cli.lifecycle.record.history import Line, file_of, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

# How far the time since the boot and the clock may differ.
CLOCK_SLACK_S = 60.0


class Stage(StrEnum):
    """Whether a command has ended. The value is shown in the output."""

    ENDED = "ended"
    UNDER_WAY = "under way"
    DID_NOT_END = "did not end"


class PastCommand(Struct, frozen=True):
    """A wb command on one instance. ``end`` is ``None`` if it has not ended."""

    instance: str
    begin: Line
    end: Line | None
    stage: Stage

    @property
    def user(self) -> str:
        """Who called it, behind sudo, too."""
        via = self.begin.sudo_user
        return f"{via} as {self.begin.user}" if via and via != self.begin.user else self.begin.user

    @property
    def is_of_entry(self) -> bool:
        """Whether it changed the entry in the registry file, and not the containers."""
        return self.begin.verb.startswith("config")

    @property
    def is_done_well(self) -> bool:
        """Whether it worked on the containers, and ended without an error."""
        return self.stage is Stage.ENDED and not self.has_failed and not self.is_of_entry

    @property
    def has_failed(self) -> bool:
        """Whether it ended with an error."""
        return self.end is not None and self.end.exit_code != 0

    @property
    def result(self) -> str:
        """How it ended, in a few words."""
        if not self.end:
            return self.stage
        code = f" ({self.end.exit_code})" if self.end.exit_code else ""
        return f"{self.end.result}{code}" + (f": {self.end.error}" if self.end.error else "")

    def as_document(self) -> dict[str, Any]:
        """Give the command for ``--json``."""
        end = self.end
        return {
            "instance": self.instance,
            "command": self.begin.command,
            "user": self.begin.user,
            "sudoUser": self.begin.sudo_user or None,
            "pid": self.begin.pid,
            "version": self.begin.version,
            "stage": self.stage,
            "began": self.begin.began,
            "ended": end.ended if end else None,
            "seconds": end.seconds if end else None,
            "exitCode": end.exit_code if end else None,
            "result": end.result if end else None,
            "error": (end.error or None) if end else None,
        }


def list_instances(folder: Path) -> list[str]:
    """List the instances that have a history, also those that are no longer declared."""
    with file_errors(folder, "read"):
        return sorted(path.stem for path in folder.glob("*.jsonl"))


def read_history(folder: Path, instances: Iterable[str], count: int) -> list[PastCommand]:
    """Read the last commands on some instances, in the order in which they began.

    Raises:
        WbError: a history file cannot be read.
    """
    commands = [command for instance in instances for command in _read(folder, instance)]
    commands.sort(key=lambda command: command.begin.began)
    return commands[-count:] if count else []


def _read(folder: Path, instance: str) -> list[PastCommand]:
    path = file_of(folder, instance)
    with file_errors(path, "read"):
        try:
            lines = read_lines(path)
        except FileNotFoundError:
            return []
    ends = {line.id: line for line in lines if line.ended}
    begun = [line for line in lines if line.began]
    return [
        PastCommand(instance, line, ends.get(line.id), _judge(line, is_ended=line.id in ends))
        for line in begun
    ]


def _judge(begin: Line, *, is_ended: bool) -> Stage:
    if is_ended:
        return Stage.ENDED
    return Stage.UNDER_WAY if _is_alive(begin) else Stage.DID_NOT_END


def _is_alive(begin: Line) -> bool:
    """Whether the process of a command runs. A later one may have been given its number."""
    try:
        words = Path(f"/proc/{begin.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    booted = re.search(r"^btime (\d+)$", Path("/proc/stat").read_text(), re.MULTILINE)
    started = int(booted[1] if booted else 0) + int(words[19]) / os.sysconf("SC_CLK_TCK")
    began = datetime.fromisoformat(begin.began).timestamp()
    is_dead = words[0] in {"Z", "X"}  # it has ended, and its parent has not looked yet
    return not is_dead and started <= began + CLOCK_SLACK_S
