"""The images that wb can build, and what they are called. Pure."""

from msgspec import Struct

from wb_cli import __version__


class Recipe(Struct, frozen=True):
    """How one local image is made, and the tag it gets: what it is, never an official name.

    ``setting`` is the setting that makes wb use it, ``reference`` what that setting is set to.
    """

    name: str
    tag: str
    setting: str
    reference: str


POSTGRES = Recipe("postgres", "wb-postgres:17", "postgres_image", "wb-postgres:17")
VALKEY = Recipe("valkey", "wb-valkey:8", "valkey_image", "wb-valkey:8")
# The setting names every version: an instance runs the platform that its declaration says.
PLATFORM = Recipe(
    "platform", f"wb-platform:{__version__}", "platform_image", "wb-platform:{version}"
)
RECIPES = {recipe.name: recipe for recipe in (POSTGRES, VALKEY, PLATFORM)}
