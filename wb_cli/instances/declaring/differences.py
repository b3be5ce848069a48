"""The differences between two entries, field by field, without private values. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from wb_cli.instances.registry_file.changes import ENV, read_environment
from wb_cli.instances.registry_file.fields import FIELDS_BY_NAME
from wb_cli.instances.registry_file.text import is_same
from wb_cli.instances.texts import shorten, to_json

HIDDEN = "***"


class Difference(Struct, frozen=True):
    """One field, or one variable, that two entries have differently.

    A value is JSON; ``None`` stands for a field that is not there. A private value is hidden.
    """

    field: str
    old: str | None
    new: str | None
    is_private: bool = False

    def __str__(self) -> str:
        if not self.is_private:
            return f"{self.field}: {self.old or 'not set'} -> {self.new or 'not set'}"
        if self.old and self.new:
            return f"{self.field}: changed"
        return f"{self.field}: {'set' if self.new else 'removed'}"

    def as_document(self) -> dict[str, str | None]:
        """Give the difference for ``--json``."""
        return {"field": self.field, "old": self.old, "new": self.new}


def find_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    """Find each difference between two entries, in the order of their fields."""
    for name in dict.fromkeys([*old, *new]):
        if name in old and name in new and is_same(old[name], new[name]):
            continue
        if not _is_private(name):
            yield Difference(name, _show(old, name), _show(new, name))
            continue
        variables = list(_find_variables(read_environment(old), read_environment(new)))
        yield from variables or [Difference(name, HIDDEN, HIDDEN, is_private=True)]


def _find_variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys([*old, *new]):
        if name not in old or name not in new or old[name] != new[name]:
            shown = [HIDDEN if name in variables else None for variables in (old, new)]
            yield Difference(f"{ENV}{name}", shown[0], shown[1], is_private=True)


def hide(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Copy an entry without its private values; the names of its variables stay."""
    return {name: _hide_value(value) if _is_private(name) else value for name, value in raw.items()}


def hide_any(raw: Any) -> Any:
    """Copy what stands in the place of an entry, without private values."""
    return hide(raw) if isinstance(raw, Mapping) else raw


def show_value(name: str, value: Any, *, reveal: bool = False) -> str:
    """A field's value as text. A private field shows the names of its variables alone."""
    if _is_private(name) and isinstance(value, Mapping):
        return ", ".join(f"{key}={text if reveal else HIDDEN}" for key, text in value.items())
    if _is_private(name) and not reveal:
        return HIDDEN
    return value if isinstance(value, str) else to_json(value)


def _hide_value(value: Any) -> Any:
    return dict.fromkeys(value, HIDDEN) if isinstance(value, Mapping) else HIDDEN


def _is_private(name: str) -> bool:
    return name in FIELDS_BY_NAME and FIELDS_BY_NAME[name].is_private


def _show(raw: Mapping[str, Any], name: str) -> str | None:
    return shorten(raw[name]) if name in raw else None
