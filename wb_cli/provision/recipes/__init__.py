"""Recipes of the images that wb can build where no registry answers.

A recipe is a folder with a Dockerfile and the files it copies. Its digest, kept as a label on
what was built from it, tells whether an image is still what the recipe says.
"""

import hashlib
from collections.abc import Mapping
from importlib.resources import files

from wb_cli.instances.local_images import Recipe

LABEL_RECIPE = "wb.recipe"
# What all of them stand on: a public image where a registry answers, else made on this machine.
BASE = "wb-base:trixie"
PUBLIC_BASE = "debian:trixie-slim"


def files_of(recipe: Recipe) -> dict[str, bytes]:
    """The Dockerfile and what it copies, by path in the build folder."""
    folder = files(__name__) / recipe.name
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


def digest(context: Mapping[str, bytes]) -> str:
    """What identifies the content of a build folder, whatever the order of its files."""
    total = hashlib.sha256()
    for path in sorted(context):
        total.update(f"{path}\0{len(context[path])}\0".encode())
        total.update(context[path])
    return total.hexdigest()
