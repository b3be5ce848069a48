"""Entries and settings as `wb config` answers with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wb_cli.instances.model import Instance
    from wb_cli.instances.refused import RefusedEntry
    from wb_cli.instances.setting_table import Setting
    from wb_cli.instances.settings import Settings


def summary(instance: Instance) -> str:
    """An instance in one line."""
    image = f" ({instance.image})" if instance.image else ""
    return (
        f"{instance.label}, port {instance.port} (PostgreSQL {instance.postgres_port}), "
        f"version {instance.server_version}{image}"
    )


def row(instance: Instance) -> tuple[str, ...]:
    """An instance as a row of the list."""
    return (
        instance.id,
        instance.label,
        str(instance.port),
        str(instance.postgres_port),
        instance.server_version,
        " ".join(instance.tags),
    )


def what_stays(instance: Instance | None, settings: Settings) -> str:
    """What is left of an instance that was taken out; ``None`` where its entry was refused."""
    from wb_cli.host import folders
    from wb_cli.lifecycle.planning.desired import instance_path

    if instance is None:
        return "its folders and its password stay"
    folder = instance_path(instance, settings)
    if folders.find_problem(folder) is folders.FolderProblem.MISSING:
        return "it has no folders"
    return f"its folders and its password stay ({folder})"


def refused_document(entry: RefusedEntry) -> dict[str, Any]:
    """A refused entry for ``--json``, with the entry as the file has it."""
    return entry.as_document() | {"entry": entry.raw}


def setting_document(setting: Setting, value: str, origin: str) -> dict[str, str | None]:
    """A setting for ``--json``."""
    names = ("name", "environment", "value", "from")
    return dict(zip(names, (setting.name, setting.env, value or None, origin), strict=True))


def text_of(value: Any) -> str:
    """A value as one would write it; a secret writes itself as ``***``."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return ",".join(f"{key}={text}" for key, text in value.items())
    return str(value)
