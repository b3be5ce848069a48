"""Show entries and settings in the answers of `wb config`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wb_cli.instances.model import Instance
    from wb_cli.instances.refused import RefusedEntry
    from wb_cli.instances.setting_table import Setting
    from wb_cli.instances.settings import Settings


def summarise(instance: Instance) -> str:
    """Describe an instance in one line."""
    image = f" ({instance.image})" if instance.image else ""
    return (
        f"{instance.label}, port {instance.port} (PostgreSQL {instance.postgres_port}), "
        f"version {instance.server_version}{image}"
    )


def make_row(instance: Instance) -> tuple[str, ...]:
    """Make the row of an instance in the list."""
    return (
        instance.id,
        instance.label,
        str(instance.port),
        str(instance.postgres_port),
        instance.server_version,
        " ".join(instance.tags),
    )


def describe_what_stays(instance: Instance | None, settings: Settings) -> str:
    """Describe what stays of a removed instance. ``None`` stands for a refused entry."""
    from wb_cli.host import folders
    from wb_cli.lifecycle.planning.desired import instance_path

    if instance is None:
        return "its folders and its password stay"
    folder = instance_path(instance, settings)
    if folders.find_problem(folder) is folders.FolderProblem.MISSING:
        return "it has no folders"
    return f"its folders and its password stay ({folder})"


def make_refused_document(entry: RefusedEntry) -> dict[str, Any]:
    """Make the document of a refused entry for ``--json``, with the entry as it is in the file."""
    return entry.as_document() | {"entry": entry.raw}


def make_setting_document(setting: Setting, value: str, origin: str) -> dict[str, str | None]:
    """Make the document of a setting for ``--json``."""
    names = ("name", "environment", "value", "from")
    return dict(zip(names, (setting.name, setting.env, value or None, origin), strict=True))


def show_setting(value: Any) -> str:
    """Show a value as the user would write it. A secret is shown as ``***``."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return ",".join(f"{key}={text}" for key, text in value.items())
    return str(value)
