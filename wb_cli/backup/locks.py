"""The locks of a repository: whose they are, and how old. Pure."""

from __future__ import annotations

import re

from msgspec import Struct

from wb_cli.backup.owner import describe_owner
from wb_cli.quantities import describe_age

ID = re.compile(r"[0-9a-f]{64}")


class Lock(Struct, frozen=True):
    """A lock, by restic's names. An owner that is not known has no ``hostname`` and no ``time``.

    A restic that works writes its lock anew every 5 minutes, so ``time`` is when it lived last.
    """

    id: str = ""
    hostname: str = ""
    username: str = ""
    pid: int = 0
    time: str = ""
    exclusive: bool = False

    def __str__(self) -> str:
        if not self.time:
            return f"{self.id[:8]}, which cannot be read"
        how = "alone" if self.exclusive else "beside others"
        return (
            f"{self.id[:8]} of {describe_owner(self.hostname, self.pid, self.username)}, which "
            f"works {how} and gave a sign of life {describe_age(self.time)} ago"
        )
