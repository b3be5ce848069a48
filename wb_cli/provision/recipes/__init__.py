"""The recipes of the images that wb can build if no registry answers.

A recipe is a folder with a Dockerfile and the files that it copies. Each image that was built from
it has its digest as a label. So wb can tell whether the recipe has changed since.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from wb_cli.instances.local_images import PLATFORM, Recipe

LABEL_RECIPE = "wb.recipe"
# All images are built on BASE. wb gets it from a registry as PUBLIC_BASE, or makes it itself.
BASE = "wb-base:trixie"
PUBLIC_BASE = "debian:trixie-slim"
# `make lock` writes them: each package in one version, with the digests of its files.
LOCKS = ("requirements.txt", "pip.txt")


def read_files(recipe: Recipe) -> dict[str, bytes]:
    """Read the Dockerfile and the files that it copies, by path in the build folder."""
    folder = files(__name__) / recipe.name
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


@contextmanager
def find_locks() -> Iterator[list[Path]]:
    """Find the files that name the wheels of the platform, and the pip that installs them."""
    with as_file(files(__name__) / PLATFORM.name) as folder:
        yield [folder / name for name in LOCKS]


def digest(context: Mapping[str, bytes]) -> str:
    """Compute a digest of the content of a build folder. The order of the files does not matter."""
    total = hashlib.sha256()
    for path in sorted(context):
        total.update(f"{path}\0{len(context[path])}\0".encode())
        total.update(context[path])
    return total.hexdigest()
