"""What is allowed in an entry of the registry file, and probably not meant. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from wb_cli.instances.entries import FIELDS_BY_NAME
from wb_cli.instances.own_environment import objection
from wb_cli.instances.registry_text import Entry
from wb_cli.instances.suggestions import did_you_mean
from wb_cli.instances.texts import place, shorten


class Doubt(Struct, frozen=True):
    """Something in an entry that wb takes as it is, and that is probably a mistake.

    ``line`` is where the entry begins in the file, ``name`` what to call the entry.
    """

    index: int
    line: int
    name: str
    text: str

    def as_document(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"index": self.index, "line": self.line, "warning": self.text}


def doubts(entries: Sequence[Entry]) -> Iterator[Doubt]:
    """The doubts about every entry, in the order of the file."""
    for index, entry in enumerate(entries):
        if isinstance(entry.value, dict):
            name = place(index, entry.value, entry.line)
            for text in (*_unknown_fields(entry.value), *_variables(entry.value)):
                yield Doubt(index, entry.line, name, text)


def _unknown_fields(raw: Mapping[str, Any]) -> Iterator[str]:
    for name in raw:
        if name not in FIELDS_BY_NAME:
            hint = did_you_mean(name, FIELDS_BY_NAME, "It is kept, and means nothing to wb.")
            yield f"unknown field {shorten(name)}. {hint}"


def _variables(raw: Mapping[str, Any]) -> Iterator[str]:
    env = raw.get("env")
    names = env if isinstance(env, Mapping) else ()
    yield from filter(None, map(objection, names))
