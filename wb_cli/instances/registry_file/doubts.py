"""Find probable mistakes in entries of the registry file that wb accepts. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from wb_cli.instances.own_environment import find_objection
from wb_cli.instances.registry_file.changes import ENV, read_environment
from wb_cli.instances.registry_file.fields import FIELDS_BY_NAME
from wb_cli.instances.registry_file.text import Entry, locate_fields
from wb_cli.instances.suggestions import suggest
from wb_cli.instances.texts import describe_place, shorten


class Doubt(Struct, frozen=True):
    """A probable mistake in an entry that wb accepts.

    ``line`` is the line of the file on which it stands, and ``name`` names the entry and the line.
    ``id`` is the entry's id, if it has one. ``field`` or ``variable`` is the name that is in doubt.
    ``is_typo`` says that the field has nearly the name of another.
    """

    index: int
    line: int
    name: str
    text: str
    id: str = ""
    field: str = ""
    variable: str = ""
    is_typo: bool = False

    def as_document(self) -> dict[str, Any]:
        """The doubt for ``--json``."""
        return {"index": self.index, "line": self.line, "warning": self.text}


def find_doubts(entries: Sequence[Entry]) -> Iterator[Doubt]:
    """Find the doubts about every entry, in the order of the file."""
    for index, entry in enumerate(entries):
        if not isinstance(entry.value, dict):
            continue
        lines = locate_fields(entry)
        given = entry.value.get("id")
        id_ = given if isinstance(given, str) else ""
        for field, text, is_typo in _doubt_fields(entry.value):
            line = lines.get(field, entry.line)
            name = describe_place(index, entry.value, line)
            yield Doubt(index, line, name, text, id_, field=field, is_typo=is_typo)
        for variable, text in _doubt_variables(entry.value):
            line = lines.get(f"{ENV}{variable}", entry.line)
            name = describe_place(index, entry.value, line)
            yield Doubt(index, line, name, text, id_, variable=variable)


def _doubt_fields(raw: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for name in raw:
        if name not in FIELDS_BY_NAME:
            near = suggest(name, FIELDS_BY_NAME, "")
            hint = near or "It is kept, and means nothing to wb."
            yield name, f"unknown field {shorten(name)}. {hint}", bool(near)


def _doubt_variables(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in read_environment(raw):
        if objection := find_objection(name):
            yield name, objection
