"""Recipes of the images that wb can build where no registry answers.

A recipe is a folder with a Dockerfile and the files it copies. Its digest, kept as a label on
what was built from it, tells whether an image is still what the recipe says.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from wb_cli import __version__

LABEL_RECIPE = "wb.recipe"
# What all of them stand on: a public image where a registry answers, else made on this machine.
BASE = "wb-base:trixie"
PUBLIC_BASE = "debian:trixie-slim"


@dataclass(frozen=True)
class Recipe:
    """How one local image is made, and the tag it gets: what it is, never an official name.

    ``setting`` is the setting that makes wb use it, ``reference`` what that setting is set to.
    """

    name: str
    tag: str
    setting: str
    reference: str

    def files(self) -> dict[str, bytes]:
        """The Dockerfile and what it copies, by path in the build folder."""
        folder = files(__name__) / self.name
        return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


POSTGRES = Recipe("postgres", "wb-postgres:17", "postgres_image", "wb-postgres:17")
VALKEY = Recipe("valkey", "wb-valkey:8", "valkey_image", "wb-valkey:8")
# The setting names every version: an instance runs the platform that its declaration says.
PLATFORM = Recipe(
    "platform", f"wb-platform:{__version__}", "platform_image", "wb-platform:{version}"
)
RECIPES = {recipe.name: recipe for recipe in (POSTGRES, VALKEY, PLATFORM)}


def digest(context: Mapping[str, bytes]) -> str:
    """What identifies the content of a build folder, whatever the order of its files."""
    total = hashlib.sha256()
    for path in sorted(context):
        total.update(f"{path}\0{len(context[path])}\0".encode())
        total.update(context[path])
    return total.hexdigest()
