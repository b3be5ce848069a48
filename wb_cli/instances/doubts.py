"""Find probable mistakes in entries of the registry file that wb accepts. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from wb_cli.instances.entries import FIELDS_BY_NAME
from wb_cli.instances.own_environment import find_objection
from wb_cli.instances.registry_text import Entry
from wb_cli.instances.suggestions import suggest
from wb_cli.instances.texts import describe_place, shorten


class Doubt(Struct, frozen=True):
    """A probable mistake in an entry that wb accepts.

    ``line`` is the line at which the entry begins in the file, ``name`` names the entry.
    """

    index: int
    line: int
    name: str
    text: str

    def as_document(self) -> dict[str, Any]:
        """The doubt for ``--json``."""
        return {"index": self.index, "line": self.line, "warning": self.text}


def find_doubts(entries: Sequence[Entry]) -> Iterator[Doubt]:
    """Find the doubts about every entry, in the order of the file."""
    for index, entry in enumerate(entries):
        if isinstance(entry.value, dict):
            name = describe_place(index, entry.value, entry.line)
            for text in (*_doubt_fields(entry.value), *_doubt_variables(entry.value)):
                yield Doubt(index, entry.line, name, text)


def _doubt_fields(raw: Mapping[str, Any]) -> Iterator[str]:
    for name in raw:
        if name not in FIELDS_BY_NAME:
            hint = suggest(name, FIELDS_BY_NAME, "It is kept, and means nothing to wb.")
            yield f"unknown field {shorten(name)}. {hint}"


def _doubt_variables(raw: Mapping[str, Any]) -> Iterator[str]:
    env = raw.get("env")
    names = env if isinstance(env, Mapping) else ()
    yield from filter(None, map(find_objection, names))
