"""Change an entry by words of a command line: ``port=9100``, ``env.NAME=value``. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wb_cli.errors import UsageError
from wb_cli.instances import suggestions
from wb_cli.instances.entries import FIELDS_BY_NAME, Field
from wb_cli.instances.own_environment import find_objection
from wb_cli.instances.registry_text import is_same
from wb_cli.instances.texts import shorten

ENV = "env."


def assign(raw: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """Apply each ``field=value`` to an entry. ``env.NAME=value`` sets one variable."""
    changed = dict(raw)
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise UsageError(
                f"{shorten(word)} is not field=value",
                "For instance `port=9100` or `env.NAME=value`.",
            )
        if name.startswith(ENV):
            changed["env"] = {**_read_environment(changed), name.removeprefix(ENV): text}
        else:
            changed[name] = find_field(name).from_text(text)
    _refuse_variables(_read_environment(raw), _read_environment(changed))
    return changed


def _refuse_variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse a variable that wb sets itself. A variable that the file already has may stay."""
    for name in new:
        if new[name] != old.get(name) and (text := find_objection(name)):
            raise UsageError(text, "Set it where it is decided, or choose another name.")


def unset(raw: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Take the named fields away from an entry. ``env.NAME`` names one variable."""
    changed = dict(raw)
    for name in names:
        if name.startswith(ENV):
            variable = name.removeprefix(ENV)
            rest = {
                key: text for key, text in _read_environment(changed).items() if key != variable
            }
            changed["env"] = rest
        elif name in changed:
            del changed[name]
        else:
            find_field(name)
    if changed.get("env") == {}:
        del changed["env"]
    return changed


def describe_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Describe each difference between two entries in one line, without private values."""
    for name in dict.fromkeys([*old, *new]):
        if name in old and name in new and is_same(old[name], new[name]):
            continue
        if name == "env":
            variables = _describe_variables(_read_environment(old), _read_environment(new))
            yield from list(variables) or ["env: changed"]
        else:
            yield f"{name}: {_show_field(old, name)} -> {_show_field(new, name)}"


def _describe_variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*old, *new]):
        if name not in new:
            yield f"{ENV}{name}: removed"
        elif name not in old:
            yield f"{ENV}{name}: set"
        elif old[name] != new[name]:
            yield f"{ENV}{name}: changed"


def show_value(name: str, value: Any) -> str:
    """A field's value as text. A private field shows the names of its variables alone."""
    if name in FIELDS_BY_NAME and FIELDS_BY_NAME[name].is_private:
        return ", ".join(f"{key}=***" for key in value) if isinstance(value, Mapping) else "***"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def find_field(name: str) -> Field:
    """Find a field by its name. The error suggests similar names."""
    message = f"an instance has no field {shorten(name)}"
    return suggestions.find_or_suggest(
        name, FIELDS_BY_NAME, message, "`wb config fields` lists them all."
    )


def _read_environment(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    env = raw.get("env")
    return env if isinstance(env, Mapping) else {}


def _show_field(raw: Mapping[str, Any], name: str) -> str:
    return shorten(raw[name]) if name in raw else "not set"
