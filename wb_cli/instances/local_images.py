"""The images that wb can build, and their names. Pure."""

from msgspec import Struct

from wb_cli import __version__


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
RECIPES = {recipe.name: recipe for recipe in (POSTGRES, VALKEY, PLATFORM)}
