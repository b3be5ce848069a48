"""Change an entry by words of a command line: ``port=9100``, ``tags+=a``, ``env.NAME=b``. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from wb_cli.errors import UsageError
from wb_cli.instances import suggestions
from wb_cli.instances.host_settings.table import SETTINGS_BY_NAME
from wb_cli.instances.own_environment import find_objection
from wb_cli.instances.registry_file.field import LIST, Field
from wb_cli.instances.registry_file.fields import FIELDS_BY_NAME, POSTGRES_SETTINGS
from wb_cli.instances.texts import shorten

ENV = "env."
# Fields with members that have names of their own: ``env.NAME``, ``postgresSettings.work_mem``.
WITH_MEMBERS = ("env", POSTGRES_SETTINGS)
ADD, TAKE = "+", "-"


def assign(raw: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """Apply each ``field=value`` to an entry.

    ``env.NAME=value`` sets one variable. ``tags+=a,b`` adds to a list, ``tags-=a,b`` takes away.

    Raises:
        UsageError: a word is no assignment, names no field, or gives a value that is not allowed.
    """
    changed = dict(raw)
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise UsageError(
                f"{shorten(word)} is not field=value",
                "For instance `port=9100`, `tags+=pilot` or `env.NAME=value`.",
            )
        if member := split_member(name):
            field, key = member
            changed[field] = {**_read_members(changed, field), key: text}
            if field != "env":
                _read_value(find_field(field), changed[field])
        elif name.endswith((ADD, TAKE)):
            _change_list(changed, find_field(name[:-1]), name[-1], text)
        else:
            changed[name] = _read_value(find_field(name), text)
    _refuse_variables(read_environment(raw), read_environment(changed))
    return changed


def split_member(name: str) -> tuple[str, str] | None:
    """Split ``env.NAME`` into the field and the name of its member; ``None`` for another name."""
    field, dot, member = name.partition(".")
    return (field, member) if dot and field in WITH_MEMBERS else None


def _read_value(field: Field, text: Any) -> Any:
    value = field.type.from_text(text) if isinstance(text, str) else text
    try:
        field.check(value)
    except ValueError as error:
        raise UsageError(str(error), f"`wb config fields` says what {field.name} may be.") from None
    return value


def _change_list(changed: dict[str, Any], field: Field, sign: str, text: str) -> None:
    """Add words to a list of the entry, or take words away. An empty list is left out."""
    if field.type is not LIST:
        lists = ", ".join(known.name for known in FIELDS_BY_NAME.values() if known.type is LIST)
        raise UsageError(
            f"{field.name} is not a list, so {sign}= means nothing to it",
            f"Lists are: {lists}. Set {field.name} whole: `{field.name}=...`.",
        )
    present = changed.get(field.name) or []
    if not isinstance(present, list):
        raise UsageError(
            f"{field.name} {shorten(present)} is not a list", f"Set it whole: `{field.name}=a,b`."
        )
    words = _read_value(field, text)
    if sign == ADD:
        left = [*present, *(word for word in words if word not in present)]
    else:
        left = [word for word in present if word not in words]
    changed[field.name] = left
    if not left:
        del changed[field.name]


def _refuse_variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse a variable that wb sets itself. A variable that the file already has may stay."""
    for name in new:
        if new[name] != old.get(name) and (text := find_objection(name)):
            raise UsageError(text, "Leave it to wb, or choose another name.")


def unset(raw: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Take the named fields away from an entry. ``env.NAME`` names one variable."""
    changed = dict(raw)
    for name in names:
        if member := split_member(name):
            field, gone = member
            members = _read_members(changed, field)
            changed[field] = {key: value for key, value in members.items() if key != gone}
        elif name in changed:
            del changed[name]
        else:
            find_field(name)
    return {
        name: value for name, value in changed.items() if name not in WITH_MEMBERS or value != {}
    }


def find_field(name: str) -> Field:
    """Find a field by its name. The error suggests similar names, or says that it is a setting."""
    message = f"an instance has no field {shorten(name)}"
    if name in SETTINGS_BY_NAME:
        raise UsageError(
            message,
            f"{name} is a setting, the same for all instances: "
            f"`wb config settings set {name}=...`.",
        )
    return suggestions.find_or_suggest(
        name, FIELDS_BY_NAME, message, "`wb config fields` lists them all."
    )


def read_environment(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the variables of an entry. Where ``env`` is no object there are none."""
    return _read_members(raw, "env")


def _read_members(raw: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    given = raw.get(field)
    return given if isinstance(given, Mapping) else {}
