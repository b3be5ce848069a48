"""restic's exit codes and its words, as errors. Pure."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import msgspec

from wb_cli.backup.owner import describe_owner
from wb_cli.errors import LockedError, WbError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wb_cli.engine.task import TaskEnd


# https://restic.readthedocs.io/en/stable/075_scripting.html#exit-codes
class ReturnCode(IntEnum):
    """The exit codes of restic that mean one thing each."""

    DONE = 0
    INCOMPLETE = 3
    NO_REPOSITORY = 10
    LOCKED = 11
    WRONG_KEY = 12


class DamagedError(WbError):
    """What was stored is damaged, or a part of it is gone. To ask again does not help."""


# What restic says where bytes are not those that it wrote, and where a file of its own is gone.
DAMAGE = re.compile(
    r"ciphertext verification failed|invalid data returned|file is too short|unexpected pack id"
    r"|id [0-9a-f]{64} not found in repository|repository contains errors"
    r"|<(data|index|snapshot|key)/[0-9a-f]+>.*(no such file or directory|file does not exist"
    r"|specified key does not exist|404 Not Found)"
)
MEND = (
    "`wb backup check --repair` takes what is damaged out of it. Then `wb backup all --full` "
    "stores anew what was lost. `wb backup prove` tells which backups are still bad."
)
UNLOCK = (
    "Wait for it: one that works gives a sign of life every 5 minutes. A lock whose owner died is "
    "taken for dead after 30 minutes. `wb backup unlock` removes it then, and `wb backup unlock "
    "--all` removes it now."
)
LOCKED_BY = re.compile(
    r"already locked(?: exclusively)? by PID (?P<process>\d+) on (?P<host>\S+) by (?P<user>\S+)"
    r".*?\((?P<age>\S+) ago\)",
    re.DOTALL,
)
FRACTION = re.compile(r"\.\d+")
KILLED = "Was there too little memory, or was it killed? Ask again."
REPAIR_PACKS = re.compile(r"restic repair packs((?: [0-9a-f]{64})+)")
NO_LOCK = re.compile(r"\block\b.*(no space left on device|read-only file system)", re.IGNORECASE)
IGNORED = re.compile(r'Ignoring "([0-9a-f]{64})"')
# Of a long complaint, as of a fault of restic itself, so much is shown.
MOST_SHOWN = 400
AWAY = "Is that host up, and can it be reached from here? Nothing was changed."
# What ssh and restic say, and the way out.
HINTS = {
    "Host key verification failed": "Log in there once by `ssh`, as this user, and look at the "
    "key that it shows. Or name a file that has the key: WB_BACKUP_KNOWN_HOSTS.",
    "Permission denied (publickey": "WB_BACKUP_SSH_KEY names the file of a key that is let in "
    "there. The key must have no passphrase: nobody is there to ask.",
    "401 Unauthorized": "RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD are what the server knows.",
    "no space left on device": "A disk is full. Make room there; `wb backup forget` frees what no "
    "rule keeps.",
    "Connection refused": AWAY,
    "No route to host": AWAY,
    "connection lost": AWAY,
    "ssh command exited": AWAY,
    "unable to start the sftp session": AWAY,
    "no such host": AWAY,
    "i/o timeout": AWAY,
    "timed out": AWAY,
}


def judge(end: TaskEnd, where: str) -> None:
    """Raise the error of an exit code. One that wb does not know is a failure, too."""
    said = read_complaints(end.complaints)
    match end.code:
        case ReturnCode.DONE:
            return
        case ReturnCode.INCOMPLETE:
            raise WbError(
                f"restic could not read everything, so this is no backup: {said}",
                "Mend what it names, and back up again.",
            )
        case ReturnCode.NO_REPOSITORY:
            raise WbError(f"there is no repository at {where}", "`wb backup` makes it.")
        case ReturnCode.LOCKED:
            raise LockedError(
                f"another restic works on {where}: {_name_owner(said)}",
                UNLOCK,
            )
        case ReturnCode.WRONG_KEY:
            raise WbError(
                f"the key does not open the repository at {where}",
                "Set WB_BACKUP_KEY to the key that was shown when it was made.",
            )
    if end.was_killed:
        raise WbError(f"restic was ended from outside, while it worked on {where}", KILLED)
    if DAMAGE.search(said):
        raise DamagedError(f"the repository at {where} is damaged: {_shorten(said)}", MEND)
    hint = next((hint for words, hint in HINTS.items() if words in said), "")
    raise WbError(f"restic failed on {where} (exit code {end.code}): {_shorten(said)}", hint)


def takes_no_lock(end: TaskEnd) -> bool:
    """Whether restic failed because no file for its lock can be written there."""
    return bool(NO_LOCK.search(read_complaints(end.complaints)))


def refuse_unread(end: TaskEnd, where: str) -> None:
    """Refuse a listing that lacks snapshots: restic only mentions those that it cannot read.

    Raises:
        DamagedError: there is such a snapshot.
    """
    ignored = [found[1] for line in end.complaints if (found := IGNORED.search(line))]
    if ignored:
        names = " ".join(f"snapshots/{id_}" for id_ in ignored)
        raise DamagedError(
            f"the repository at {where} has snapshots that cannot be read, so backups may be "
            f"missing in the list: {read_complaints(end.complaints)}",
            f"If it says so each time, remove there: {names}",
        )


def find_damaged_packs(complaints: Iterable[str]) -> list[str]:
    """Find the files of data that restic found damaged and advises to take out."""
    advised = (REPAIR_PACKS.search(line) for line in complaints)
    return [pack for found in advised if found for pack in found[1].split()]


def parse_line(line: str) -> dict[str, Any]:
    """Read a line of restic's. What is no JSON gives nothing."""
    try:
        message = msgspec.json.decode(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def read_complaints(lines: tuple[str, ...]) -> str:
    """Give restic's own words, which are JSON where it could write JSON. Each is given once."""
    said = []
    for line in lines:
        message = parse_line(line)
        error = message.get("error")
        text = message.get("message") or (error.get("message") if isinstance(error, dict) else "")
        said.append(str(text or line).strip())
    return "; ".join(dict.fromkeys(said)) or "it said nothing"


def _name_owner(said: str) -> str:
    """Name whose lock it is, as restic says it. Words of an unknown form are passed on."""
    if not (found := LOCKED_BY.search(said)):
        return said
    age = FRACTION.sub("", found["age"])
    owner = describe_owner(found["host"], found["process"], found["user"])
    return f"{owner} has locked it, and gave a sign of life {age} ago"


def _shorten(said: str) -> str:
    return said if len(said) <= MOST_SHOWN else f"{said[:MOST_SHOWN]}..."
