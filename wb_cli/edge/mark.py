"""The name and the head of a site file, by which wb knows its own files."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from wb_cli.edge.text import as_comment

PREFIX, SUFFIX = "wb-", ".conf"
SIGN = re.compile(r"# wb-site: instance (?P<instance>[a-z0-9-]+) of (?P<registry>/.*)")
HEAD_LINES = 3


def name_file(instance_id: str) -> str:
    """Name the file of an instance's site."""
    return f"{PREFIX}{instance_id}{SUFFIX}"


class Mark(Struct, frozen=True):
    """The instance that a site is of, and the registry file that declares the instance."""

    instance: str
    registry: Path

    def write(self) -> list[str]:
        """Write the head of the file."""
        return [
            f"# wb writes this file: `wb init-nginx {self.instance}`. Changes by hand are lost.",
            f"# wb-site: instance {self.instance} of {as_comment(str(self.registry))}",
        ]


def read_mark(text: str) -> Mark | None:
    """Read the mark of a file. ``None`` means that the file is not wb's."""
    for line in text.splitlines()[:HEAD_LINES]:
        if match := SIGN.fullmatch(line):
            return Mark(match["instance"], Path(match["registry"]))
    return None
