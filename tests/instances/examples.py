"""Entries and registry files that tests of instances start from."""

import json
from pathlib import Path
from typing import Any


def entry(instance_id: str = "demo", port: int = 9000, **more: Any) -> dict[str, Any]:
    """A valid entry."""
    return {"id": instance_id, "label": "Demo", "port": port, "serverVersion": "1.6.7", **more}


def write(path: Path, *entries: Any) -> bytes:
    """Write a registry file as an operator would, and give its content."""
    path.write_text(json.dumps(entries, indent=4))
    return path.read_bytes()
