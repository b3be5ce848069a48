"""Tell the selectors of a command line from the fields that follow them. Pure."""

from collections.abc import Sequence

from wb_cli.errors import UsageError
from wb_cli.instances.host_settings.table import SETTINGS_BY_NAME
from wb_cli.instances.registry_file.changes import split_member
from wb_cli.instances.registry_file.fields import FIELDS_BY_NAME
from wb_cli.instances.registry_file.registry import Registry, make_unknown_id_error
from wb_cli.instances.selectors import ALL, ON, SERVER, TAG
from wb_cli.instances.texts import shorten

Split = tuple[list[str], list[str]]


def split_assignments(words: Sequence[str], registry: Registry) -> Split:
    """Split ``@field mali memory=2g tags+=a`` into selectors and assignments.

    Raises:
        UsageError: there are no selectors, or no assignments.
    """
    count = next((at for at, word in enumerate(words) if _is_assignment(word)), len(words))
    selectors, assignments = list(words[:count]), list(words[count:])
    _require_selectors(selectors, words, registry)
    for word in selectors:
        if word in FIELDS_BY_NAME and not _is_known_id(word, registry):
            raise UsageError(f"{shorten(word)} is not field=value", f"Write `{word}=<value>`.")
    if not assignments:
        raise UsageError(
            "no field is given a value", "Write `field=value`; `wb config fields` lists the fields."
        )
    return selectors, assignments


def split_names(words: Sequence[str], registry: Registry) -> Split:
    """Split ``@field mali memory env.A`` into selectors and names of fields.

    The first word is a selector. So is each word after it, up to the first that names a field.

    Raises:
        UsageError: there are no selectors, or no names.
    """
    rest = words[1:]
    ends = (at for at, word in enumerate(rest, 1) if not _is_selector(word, registry))
    count = next(ends, len(words))
    selectors, names = list(words[:count]), list(words[count:])
    first = selectors[0]
    if (first in FIELDS_BY_NAME or split_member(first)) and not _is_known_id(first, registry):
        selectors, names = [], list(words)
    _require_selectors(selectors, words, registry)
    if not names:
        raise UsageError(
            "no field is named", "`wb config show <id>` shows the fields of an instance."
        )
    return selectors, names


def _require_selectors(selectors: list[str], words: Sequence[str], registry: Registry) -> None:
    first = words[0].partition("=")[0]
    if first in SETTINGS_BY_NAME and not _is_known_id(first, registry):
        raise make_unknown_id_error(first, registry)
    if not selectors:
        raise UsageError(
            "no instance is named",
            "Instances come first: an id, @tag, server=<version>, on=<host>, all; then fields.",
        )


def _is_assignment(word: str) -> bool:
    return "=" in word and not word.startswith((TAG, SERVER, ON))


def _is_selector(word: str, registry: Registry) -> bool:
    if word.startswith((TAG, SERVER, ON)) or word == ALL:
        return True
    return word not in FIELDS_BY_NAME and _is_known_id(word, registry)


def _is_known_id(word: str, registry: Registry) -> bool:
    return word in registry.ids() or any(entry.id == word for entry in registry.refused)
