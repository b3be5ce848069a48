"""The history: which wb command was done to an instance, by whom, when, and how it ended.

Each command writes a line when it begins and one when it ends, so a command that was killed shows,
too. The file is bounded. It is never the reason for a failure.
"""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from wb_cli import __version__
from wb_cli.instances.files import take_lock
from wb_cli.instances.registry_file.fields import FIELDS
from wb_cli.lifecycle.guard.lock import name_user
from wb_cli.lifecycle.record.beside_registry import make_folder, share
from wb_cli.lifecycle.record.masking import MASK, mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

LINES_KEPT, LINES_AT_MOST = 200, 300
TEXT_AT_MOST = 500
LOCKED_WITHIN_S = 1.0
# What may be told of `name=value` on a command line. Other values may be keys.
TOLD = {"server", *(field.name for field in FIELDS if field.name != "env")}
_ASSIGNMENT = re.compile(r"(--set=)?([\w.]+)([+-]?=)(.+)", re.DOTALL)


class Line(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A line of a history file: how a command began, how it ended, or both.

    ``platform`` is the platform's image that runs since. ``id`` ties the two lines of a command
    together. ``sudo_user`` is who called sudo. Times are RFC 3339.
    """

    id: str
    began: str = ""
    verb: str = ""
    command: str = ""
    user: str = ""
    sudo_user: str = ""
    pid: int = 0
    version: str = ""
    ended: str = ""
    seconds: float = 0.0
    exit_code: int = 0
    result: str = ""
    error: str = ""
    platform: str = ""


class Entry:
    """The entry of a command that is under way. The command says in it how it ended."""

    def __init__(self) -> None:
        self.exit_code = 0
        self.result = ""
        self.error = ""
        self.platform = ""


@contextmanager
def written(folder: Path, instance: str, verb: str) -> Iterator[Entry]:
    """Write the beginning of a command to the history of an instance, and then its end.

    A command that raises an error has no end there, like one that was killed.
    """
    with written_by(partial(_append, folder), instance, verb) as entry:
        yield entry


@contextmanager
def written_by(add: Callable[[str, Line], None], instance: str, verb: str) -> Iterator[Entry]:
    """As :func:`written`, but ``add`` adds the lines, to a history that is elsewhere."""
    began, entry = time.time(), Entry()
    line = _begin(began, verb, instance)
    add(instance, line)
    yield entry
    add(instance, _end(line.id, began, entry))


def note(folder: Path, instance: str, verb: str, result: str) -> None:
    """Write a command to the history that is done already, and took no time."""
    line = _begin(time.time(), verb, instance)
    done = msgspec.structs.replace(line, ended=line.began, result=result)
    _append(folder, instance, done)


def file_of(folder: Path, instance: str) -> Path:
    """The history file of an instance."""
    return folder / f"{instance}.jsonl"


def read_lines(path: Path) -> list[Line]:
    """Read the lines of a history file. A line that was not written to its end is left out."""
    lines = []
    for text in path.read_bytes().splitlines()[-LINES_AT_MOST:]:
        with suppress(ValueError):
            lines.append(msgspec.json.decode(text, type=Line))
    return lines


def describe_command(words: Sequence[str], verb: str, instance: str) -> str:
    """Describe a command line without what may be secret in it. Pure.

    Where the words are not those of this command, as wb was called by a program, it is described by
    its verb.
    """
    if verb.split(maxsplit=1)[0] not in words:
        return f"wb {verb} {instance}"
    pairs = zip(("", *words), words, strict=False)
    told = ["wb", *(_hide(word, before) for before, word in pairs)]
    return mask(" ".join(told), ())[:TEXT_AT_MOST]


def _hide(word: str, before: str) -> str:
    assignment = _ASSIGNMENT.fullmatch(word)
    if not assignment:
        return word
    prefix, name, sign, _ = assignment.groups(default="")
    is_told = name in TOLD and not prefix and before != "--set"
    return word if is_told else f"{prefix}{name}{sign}{MASK}"


def _begin(began: float, verb: str, instance: str) -> Line:
    return Line(
        id=f"{os.getpid()}-{began:.6f}",
        began=_format(began),
        verb=verb,
        command=describe_command(sys.argv[1:], verb, instance),
        user=name_user(),
        sudo_user=os.environ.get("SUDO_USER", ""),
        pid=os.getpid(),
        version=__version__,
    )


def _end(id_: str, began: float, entry: Entry) -> Line:
    now = time.time()
    return Line(
        id=id_,
        ended=_format(now),
        seconds=round(now - began, 1),
        exit_code=entry.exit_code,
        result=entry.result,
        error=mask(entry.error, ())[:TEXT_AT_MOST],
        platform=entry.platform,
    )


def _format(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _append(folder: Path, instance: str, line: Line) -> None:
    """Add a line. Whatever keeps it from being written is no reason to fail."""
    path = file_of(folder, instance)
    with suppress(OSError):
        make_folder(folder)
        while not _append_to_file(path, msgspec.json.encode(line) + b"\n"):
            pass


def _append_to_file(path: Path, line: bytes) -> bool:
    """Add a line under the file's lock. ``False`` means that the file was replaced meanwhile."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o644)
    try:
        if not take_lock(descriptor, time.monotonic() + LOCKED_WITHIN_S):
            return True  # whoever holds it hangs
        opened = os.fstat(descriptor)
        if not path.exists() or path.stat().st_ino != opened.st_ino:
            return False
        if not opened.st_size:
            share(descriptor, path.parent, 0o666)
        elif os.pread(descriptor, 1, opened.st_size - 1) != b"\n":
            line = b"\n" + line  # another command was killed while it wrote
        os.write(descriptor, line)
        _rotate(path, os.pread(descriptor, opened.st_size + len(line), 0))
    finally:
        os.close(descriptor)
    return True


def _rotate(path: Path, content: bytes) -> None:
    """Replace a file that has become long by its last lines. The caller holds its lock."""
    lines = content.splitlines(keepends=True)
    if len(lines) <= LINES_AT_MOST:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        share(file.fileno(), path.parent, 0o666)
        file.write(b"".join(lines[-LINES_KEPT:]))
    temporary.replace(path)
