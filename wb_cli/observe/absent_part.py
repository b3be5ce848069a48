"""Say why the part of an instance that a command named is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Part
from wb_cli.errors import UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.instances.registry_file.registry import Registry

# Characters with which people name several things at once. No id has them.
OF_SEVERAL = set(",*?[")


def refuse_group(word: str, registry: Callable[[], Registry]) -> None:
    """Refuse a word that names several instances, or a container instead of an instance.

    The registry file is read only for a word that may be such a word.
    """
    from wb_cli.instances.selectors import ALL, SERVER, TAG

    if word == ALL or word.startswith((TAG, SERVER)) or OF_SEVERAL & set(word):
        raise UsageError(
            f"{word} names several instances, and this command takes one id",
            f"Name one id, such as: {_list_examples(registry)}.",
        )
    instance, dash, part = word.rpartition("-")
    if dash and part in set(Part) and instance in registry().ids():
        raise UsageError(
            f"{word} is a container of {instance}, and this command takes the instance's id",
            f"Name the part by itself: `wb logs {instance} {part}`, `wb shell {instance} {part}`, "
            f"`wb exec --part {part} {instance} ...`.",
        )


def _list_examples(registry: Callable[[], Registry]) -> str:
    try:
        return ", ".join(registry().ids()[:3]) or "none is declared yet"
    except WbError as error:
        return f"none is known ({error.message})"


def explain_absence(instance_id: str, part: Part, registry: Callable[[], Registry]) -> str:
    """Say why a part has no container, and how it gets one."""
    try:
        instance = registry().find(instance_id)
    except WbError as error:  # its entry is refused, or is gone
        return error.hint
    if part is Part.ADMIN and not instance.admin_version:
        return f"None is declared. `wb config set {instance_id} adminVersion=...` declares one."
    if part is Part.WAL and not instance.point_in_time:
        return f"None is declared. `wb config set {instance_id} pointInTime=true` declares one."
    return f"`wb status` shows what runs; `wb run {instance_id}` starts it."
