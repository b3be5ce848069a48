"""Say why the part of an instance that a command named is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Role
from wb_cli.errors import UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.instances.registry import Registry


def refuse_group(word: str, registry: Registry) -> None:
    """Refuse a word that names several instances, or a container instead of an instance."""
    from wb_cli.instances.selectors import ALL, SERVER, TAG

    if word == ALL or word.startswith((TAG, SERVER)):
        ids = ", ".join(registry.ids()[:3]) or "none is declared yet"
        raise UsageError(f"{word} names several instances", f"Name one id, such as: {ids}.")
    instance, dash, part = word.rpartition("-")
    if dash and part in set(Role) and instance in registry.ids():
        raise UsageError(
            f"{word} is a container of {instance}", f"Name the part: `{instance} --part {part}`."
        )


def explain_absence(instance_id: str, role: Role, registry: Callable[[], Registry]) -> str:
    """Say why a part has no container, and how it gets one."""
    try:
        instance = registry().find(instance_id)
    except WbError as error:  # its entry is refused, or is gone
        return error.hint
    if role is Role.ADMIN and not instance.admin_version:
        return f"None is declared. `wb config set {instance_id} adminVersion=...` declares one."
    return f"`wb status` shows what runs; `wb run {instance_id}` starts it."
