"""Changes to an entry as a command line words them: ``port=9100``, ``env.NAME=value``. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wb_cli.errors import UsageError
from wb_cli.instances import suggestions
from wb_cli.instances.entries import FIELDS_BY_NAME, Field
from wb_cli.instances.own_environment import objection
from wb_cli.instances.registry_text import is_same
from wb_cli.instances.texts import shorten

ENV = "env."


def assign(raw: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """An entry with each ``field=value`` applied; ``env.NAME=value`` sets one variable."""
    changed = dict(raw)
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise UsageError(
                f"{shorten(word)} is not field=value",
                "For instance `port=9100` or `env.NAME=value`.",
            )
        if name.startswith(ENV):
            changed["env"] = {**_environment(changed), name.removeprefix(ENV): text}
        else:
            changed[name] = find(name).from_text(text)
    _refuse_variables(_environment(raw), _environment(changed))
    return changed


def _refuse_variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse a variable that is set now and should not be; what the file has already may stay."""
    for name in new:
        if new[name] != old.get(name) and (text := objection(name)):
            raise UsageError(text, "Set it where it is decided, or choose another name.")


def unset(raw: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """An entry without the named fields; ``env.NAME`` names one variable."""
    changed = dict(raw)
    for name in names:
        if name.startswith(ENV):
            variable = name.removeprefix(ENV)
            rest = {key: text for key, text in _environment(changed).items() if key != variable}
            changed["env"] = rest
        elif name in changed:
            del changed[name]
        else:
            find(name)
    if changed.get("env") == {}:
        del changed["env"]
    return changed


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What changed between two entries, a line each; private values are not shown."""
    for name in dict.fromkeys([*old, *new]):
        if name in old and name in new and is_same(old[name], new[name]):
            continue
        if name == "env":
            yield from list(_variables(_environment(old), _environment(new))) or ["env: changed"]
        else:
            yield f"{name}: {_shown(old, name)} -> {_shown(new, name)}"


def _variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*old, *new]):
        if name not in new:
            yield f"{ENV}{name}: removed"
        elif name not in old:
            yield f"{ENV}{name}: set"
        elif old[name] != new[name]:
            yield f"{ENV}{name}: changed"


def shown(name: str, value: Any) -> str:
    """A field's value for people; of private ones the names alone."""
    if name in FIELDS_BY_NAME and FIELDS_BY_NAME[name].is_private:
        return ", ".join(f"{key}=***" for key in value) if isinstance(value, Mapping) else "***"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def find(name: str) -> Field:
    """The field of this name; an error suggests near ones."""
    message = f"an instance has no field {shorten(name)}"
    return suggestions.find(name, FIELDS_BY_NAME, message, "`wb config fields` lists them all.")


def _environment(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    env = raw.get("env")
    return env if isinstance(env, Mapping) else {}


def _shown(raw: Mapping[str, Any], name: str) -> str:
    return shorten(raw[name]) if name in raw else "not set"
