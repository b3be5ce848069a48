"""Who works on a repository: the command and the instance, in the name of restic's host. Pure.

restic writes the name of its host into its locks. Of a container that would be its id, which tells
nobody anything once the container is gone. A name must be another one each time: restic takes a
lock of its own host for dead if no process there has that number.
"""

from __future__ import annotations

import re

from msgspec import Struct

from wb_cli.lifecycle.options import Verb

MOST_LETTERS = 63
NO_LETTER = re.compile(r"[^a-z0-9-]+")
COMMANDS = {NO_LETTER.sub("-", verb): verb for verb in Verb}
NAME = re.compile(r"wb(?:\.([a-z-]+)\.([a-z0-9-]+))?\.([a-z0-9-]+)\.[0-9a-f]{8}")


class Owner(Struct, frozen=True):
    """A command of wb on a machine; with a verb, one that works on an instance."""

    machine: str
    verb: Verb | None = None
    instance: str = ""

    def name_host(self, mark: str) -> str:
        """Name the host of its restic. ``mark`` are 8 hexadecimal letters, others each time."""
        work = [NO_LETTER.sub("-", self.verb), self.instance] if self.verb else []
        words = ["wb", *work, mark]
        machine = NO_LETTER.sub("-", self.machine.partition(".")[0].lower()) or "here"
        room = MOST_LETTERS - len(".".join(words)) - 1
        return ".".join([*words[:-1], machine[: max(1, room)], mark])

    def __str__(self) -> str:
        work = f"`wb {self.verb}` of {self.instance}" if self.verb else "wb"
        return f"{work} on {self.machine}"


def read_owner(hostname: str) -> Owner | None:
    """Read who it is; ``None`` if the name is not of wb's."""
    found = NAME.fullmatch(hostname)
    if not found:
        return None
    command, instance, machine = found.groups()
    if command and command not in COMMANDS:
        return None
    return Owner(machine, COMMANDS[command] if command else None, instance or "")


def describe_owner(hostname: str, process: int | str, user: str) -> str:
    """Describe the owner of a lock: ``process 7 on far by root``, or the command of wb."""
    return str(read_owner(hostname) or f"process {process} on {hostname} by {user}")
