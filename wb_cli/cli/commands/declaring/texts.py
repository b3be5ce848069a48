"""Show entries and settings in the answers of `wb config`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wb_cli.cli.words.help_texts import EXAMPLES, KEEP_LINES
from wb_cli.instances.selectors import HERE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wb_cli.cli.context import Wb
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.field import Field
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.lifecycle.planning.effective import Effective


def examples(*lines: str) -> str:
    """Make the end of a command's help: one example a line."""
    return "\n".join([KEEP_LINES, EXAMPLES, *(f"  {line}" for line in lines)])


def note(wb: Wb, instance_id: str, verb: str, result: str) -> None:
    """Write a change of an entry to the history of its instance."""
    from wb_cli.lifecycle.record import history
    from wb_cli.lifecycle.record.beside_registry import find_history

    folder = find_history(wb.settings.servers_file)
    history.note(folder, instance_id, f"config {verb}", result)


def summarise(instance: Instance) -> str:
    """Describe an instance in one line."""
    image = f" ({instance.image})" if instance.image else ""
    host = f", on {instance.host}" if instance.host else ""
    return (
        f"{instance.label}, port {instance.port} (PostgreSQL {instance.postgres_port}), "
        f"version {instance.server_version}{image}{host}"
    )


def suggest_steps(
    wb: Wb,
    changed: Sequence[tuple[Instance | None, Instance]],
    words: Mapping[tuple[str, ...], str] | None = None,
) -> list[str]:
    """Suggest commands after a change, which is made even if the engine does not answer.

    An entry that was refused before is ``None``. ``words`` are shorter words for several ids.
    """
    from wb_cli.errors import WbError
    from wb_cli.lifecycle.next_step import suggest_next_steps

    words = words or {}
    groups: dict[str | None, list[tuple[Instance | None, Instance]]] = {}
    for old, new in changed:
        groups.setdefault(None if wb.chosen else new.host, []).append((old, new))
    steps: list[str] = []
    for host, pairs in groups.items():
        ids = tuple(instance.id for _, instance in pairs)
        try:
            steps += suggest_next_steps(wb.at(host).fleet, pairs, words)
        except WbError as error:
            who = words.get(ids, " ".join(ids))
            steps.append(f"`wb run {who}` applies it; how it stands is not known: {error.message}")
    return steps


def make_row(instance: Instance) -> tuple[str, ...]:
    """Make the row of an instance in the list."""
    return (
        instance.id,
        instance.label,
        str(instance.port),
        str(instance.postgres_port),
        instance.server_version,
        " ".join(instance.tags),
        instance.host or HERE,
    )


def describe_what_stays(instance: Instance | None, settings: Settings) -> str:
    """Describe what stays of a removed instance. ``None`` stands for a refused entry."""
    if instance is None:
        return "its folders and its password stay"
    folder = find_folder(instance, settings)
    return f"its folders and its password stay ({folder})" if folder else "it has no folders"


def find_folder(instance: Instance, settings: Settings) -> Path | None:
    """Find the folder of an instance; ``None`` if there is none."""
    from wb_cli.host import folders
    from wb_cli.lifecycle.planning.desired import instance_path

    folder = instance_path(instance, settings)
    is_missing = folders.find_problem(folder) is folders.FolderProblem.MISSING
    return None if is_missing else folder


def make_removed_document(wb: Wb, instance_id: str, known: Instance | None) -> dict[str, Any]:
    """Make the document of a removed instance for ``--json``; of a refused entry, no folder."""
    from wb_cli.lifecycle.sites.refresh import list_sites_that_stay

    folder = find_folder(known, wb.settings) if known else None
    return {
        "id": instance_id,
        "file": str(wb.registry_file.path),
        "folder": str(folder) if folder else None,
        "siteStays": bool(list_sites_that_stay([instance_id], wb.settings)),
    }


def make_refused_document(entry: RefusedEntry, *, reveal: bool = False) -> dict[str, Any]:
    """Make the document of a refused entry for ``--json``, with its entry; secrets are hidden."""
    from wb_cli.instances.declaring.differences import hide_any

    problems = [
        {"field": flaw.field or None, "line": entry.locate(flaw), "problem": flaw.text}
        for flaw in entry.flaws
    ]
    shown = entry.raw if reveal else hide_any(entry.raw)
    return entry.as_document() | {"problems": problems, "entry": shown}


def make_value_document(value: Effective, *, reveal: bool) -> dict[str, Any]:
    """Make the document of a value of an instance for ``--json``."""
    from wb_cli.instances.declaring.differences import hide

    shown = {value.name: value.value}
    return {
        "name": value.name,
        "value": (shown if reveal else hide(shown))[value.name],
        "from": value.origin,
        "detail": value.detail or None,
    }


def describe_default(field: Field) -> str:
    """Say what holds where a field is not given."""
    if field.is_required:
        return "required"
    own = f", else {field.default}" if field.default else ""
    return f"setting {field.setting}{own}" if field.setting else field.default


def make_field_document(field: Field) -> dict[str, Any]:
    """Make the document of a field for ``--json``."""
    return {
        "name": field.name,
        "type": field.type.name,
        "values": field.allowed,
        "choices": list(field.choices) or None,
        "default": None if field.is_required else describe_default(field),
        "setting": field.setting or None,
        "isRequired": field.is_required,
        "help": field.help,
    }
