"""Examples of entries and registry files for the tests of instances."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.store import RegistryFile


def entry(instance_id: str = "demo", port: int = 9000, **more: Any) -> dict[str, Any]:
    """A valid entry."""
    return {"id": instance_id, "label": "Demo", "port": port, "serverVersion": "1.6.7", **more}


def write(path: Path, *entries: Any) -> bytes:
    """Write a registry file as an operator would, and give its content."""
    path.write_text(json.dumps(entries, indent=4))
    return path.read_bytes()


def add(registry_file: RegistryFile, raw: Mapping[str, Any]) -> Instance:
    """Add one entry."""
    with registry_file.edit() as change:
        return change.add(raw)


def replace(registry_file: RegistryFile, instance_id: str, raw: Mapping[str, Any]) -> Instance:
    """Replace one entry."""
    with registry_file.edit() as change:
        return change.replace(instance_id, raw)


def update(
    registry_file: RegistryFile,
    instance_id: str,
    change_raw: Callable[[dict[str, Any]], Mapping[str, Any]],
) -> Instance:
    """Change one entry by a function that gets a copy of it."""
    with registry_file.edit() as change:
        return change.replace(instance_id, change_raw(change.copy_entry(instance_id)))
