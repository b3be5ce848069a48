"""Which images this host needs, and which it can make itself. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from wb_cli import __version__
from wb_cli.contract import Role
from wb_cli.instances.local_images import PLATFORM, POSTGRES, VALKEY, Recipe
from wb_cli.instances.model import Instance
from wb_cli.instances.settings import Settings
from wb_cli.lifecycle.planning import desired

# What stock platforms use beside their database: they start R containers and pgAdmin.
R_IMAGE = "timroberton/comb:wb-hmis-r-linux"
PGADMIN_IMAGE = "dpage/pgadmin4"


class NeededImage(Struct, frozen=True):
    """An image that must be on the engine, and the recipe that can stand in for it."""

    reference: str
    recipe: Recipe | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is what the recipe makes, which no registry has."""
        return self.recipe is not None and self.reference == self.recipe.tag


def needed_images(instances: Sequence[Instance], settings: Settings) -> tuple[NeededImage, ...]:
    """What the instances' containers are made from, each once.

    Where there is no instance yet, what a first one will be made from.
    """
    if not instances:
        return (
            NeededImage(settings.postgres_image, POSTGRES),
            NeededImage(settings.valkey_image, VALKEY),
            NeededImage(_first_platform(settings), PLATFORM),
        )
    found: dict[str, NeededImage] = {}
    for instance in instances:
        for role, reference in desired.images(instance, settings).items():
            needed = NeededImage(reference, _recipe(role, reference, instance, settings))
            found.setdefault(reference, needed)
    return tuple(found.values())


def images_to_pull(instances: Sequence[Instance], settings: Settings) -> tuple[str, ...]:
    """What ``wb pull`` fetches: the configured list, and what the instances name; each once."""
    stock = (R_IMAGE, settings.postgres_image, PGADMIN_IMAGE, settings.valkey_image)
    named = (
        desired.images(instance, settings).get(role)
        for role in (Role.PLATFORM, Role.ADMIN)
        for instance in instances
    )
    wanted = (*(settings.pull_images or stock), *(image for image in named if image))
    return tuple(dict.fromkeys(wanted))


def users_of_other_platforms(
    instances: Sequence[Instance], settings: Settings
) -> tuple[Instance, ...]:
    """The instances that the setting ``platform_image`` would take from their stock image."""
    if settings.platform_image:
        return ()
    return tuple(one for one in instances if not one.image and one.server_version != __version__)


def _first_platform(settings: Settings) -> str:
    template = settings.platform_image or PLATFORM.reference
    return template.format(version=__version__)


def _recipe(role: Role, reference: str, instance: Instance, settings: Settings) -> Recipe | None:
    """What may stand in: for an instance's own image nothing, for a platform only our version."""
    if role is Role.POSTGRES:
        return POSTGRES
    if role is Role.VALKEY:
        return VALKEY
    is_own_choice = instance.image is not None or settings.platform_image is not None
    is_stock_of_ours = not is_own_choice and instance.server_version == __version__
    can_build = role is Role.PLATFORM and (reference == PLATFORM.tag or is_stock_of_ours)
    return PLATFORM if can_build else None
