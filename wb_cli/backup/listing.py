"""What a snapshot has of the folders of an instance, and which files of it are read on trial.

Everything here is pure.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wb_cli.backup.manifest import Content

SAMPLE_FILES, SAMPLE_BYTES = 50, 256 * 1024**2
# What has a meaning in restic's patterns.
SIGNS = re.compile(r"([\\*?\[\]])")
# Stands in restic's JSON for bytes of a name that are no UTF-8.
NO_UTF8 = "\ufffd"


class File(Struct, frozen=True):
    """A file of a snapshot, by its path there."""

    path: str
    bytes: int


class Listing:
    """Counts the files of a snapshot as they are listed, and draws some of them by chance."""

    def __init__(self, root: str, chance: random.Random | None = None) -> None:
        self._root = f"{root}/"
        self._chance = chance or random.Random()  # noqa: S311  (it protects nothing)
        self._drawn: list[File] = []
        self._seen = 0
        self.folders: dict[str, tuple[int, int]] = {}

    def add(self, node: Mapping[str, Any]) -> None:
        """Take a line of restic's listing."""
        path = str(node.get("path", ""))
        if node.get("type") != "file" or not path.startswith(self._root):
            return
        folder, size = path.removeprefix(self._root).partition("/")[0], int(node.get("size", 0))
        files, count = self.folders.get(folder, (0, 0))
        self.folders[folder] = (files + 1, count + size)
        if NO_UTF8 not in path:
            self._draw(File(path, size))

    def _draw(self, file: File) -> None:
        """Keep it with the chance that any file has: reservoir sampling."""
        self._seen += 1
        if len(self._drawn) < SAMPLE_FILES:
            self._drawn.append(file)
        elif (place := self._chance.randrange(self._seen)) < SAMPLE_FILES:
            self._drawn[place] = file

    def choose_sample(self) -> list[File]:
        """Choose what is read: as many of the drawn files as the room allows, and at least one."""
        return fit(self._drawn, SAMPLE_BYTES)


def fit(files: Sequence[File], room: int) -> list[File]:
    """Choose files that fit into so many bytes, in their order; the smallest where none does."""
    chosen, left = [], room
    for file in files:
        if file.bytes <= left:
            chosen.append(file)
            left -= file.bytes
    return chosen or sorted(files, key=lambda file: file.bytes)[:1]


def compare_folders(known: Mapping[str, Content], listed: Mapping[str, tuple[int, int]]) -> str:
    """Say how the folders of a snapshot differ from those that the manifest counts; "" if not."""
    different = []
    for name, content in known.items():
        files, size = listed.get(name, (0, 0))
        if (files, size) != (content.files, content.bytes):
            different.append(
                f"{name} has {files} files with {describe_size(size)}, "
                f"not {content.files} with {describe_size(content.bytes)}"
            )
    return "; ".join(different)


def make_patterns(files: Iterable[File], root: str) -> list[str]:
    """Make restic's patterns for files below a folder of the snapshot."""
    return [SIGNS.sub(r"\\\1", file.path.removeprefix(root)) for file in files]
