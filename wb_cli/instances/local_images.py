"""The images that wb can build, and their names. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from wb_cli import __version__
from wb_cli.errors import UsageError


class Recipe(Struct, frozen=True):
    """The recipe of one local image. Its tag is never the name of an official image.

    ``setting`` names the setting that makes wb use the image, ``reference`` is the setting's value.
    """

    name: str
    tag: str
    setting: str
    reference: str


POSTGRES = Recipe("postgres", "wb-postgres:17", "postgres_image", "wb-postgres:17")
VALKEY = Recipe("valkey", "wb-valkey:8", "valkey_image", "wb-valkey:8")
# The setting holds for every version: the instance's declaration says which version it runs.
PLATFORM = Recipe(
    "platform", f"wb-platform:{__version__}", "platform_image", "wb-platform:{version}"
)
RESTIC = Recipe("restic", "wb-restic:0.18", "restic_image", "wb-restic:0.18")
RECIPES = {recipe.name: recipe for recipe in (POSTGRES, VALKEY, PLATFORM, RESTIC)}


def choose_recipes(names: Sequence[str]) -> list[Recipe]:
    """Choose recipes by their names. Without names, choose all.

    Raises:
        UsageError: there is no recipe of a name.
    """
    for name in names:
        if name not in RECIPES:
            raise UsageError(
                f"there is no recipe {name!r}", f"There are {', '.join(RECIPES)}; all unless named."
            )
    return [recipe for name, recipe in RECIPES.items() if name in (names or RECIPES)]
