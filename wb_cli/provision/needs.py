"""List the images that this host needs, and say which of them it can build itself. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from wb_cli import __version__
from wb_cli.contract import Part
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.instances.local_images import PLATFORM, POSTGRES, VALKEY, Recipe
from wb_cli.instances.model import Instance
from wb_cli.lifecycle.planning.images import choose_images, is_stock

# Stock platforms start containers of these images.
R_IMAGE = "timroberton/comb:wb-hmis-r-linux"
PGADMIN_IMAGE = "dpage/pgadmin4"


class NeededImage(Struct, frozen=True):
    """An image that must be on the engine, and the recipe that can replace it."""

    reference: str
    recipe: Recipe | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is the image that the recipe builds. No registry has it."""
        return self.recipe is not None and self.reference == self.recipe.tag


def list_needed_images(
    instances: Sequence[Instance], settings: Settings
) -> tuple[NeededImage, ...]:
    """List the images of the instances' containers, each once.

    If there is no instance yet, list the images that a first one will need.
    """
    if not instances:
        return (
            NeededImage(settings.postgres_image, POSTGRES),
            NeededImage(settings.valkey_image, VALKEY),
            NeededImage(_name_first_platform(settings), PLATFORM),
        )
    images: dict[str, NeededImage] = {}
    for instance in instances:
        for part, reference in choose_images(instance, settings).items():
            needed = NeededImage(reference, _choose_recipe(part, reference, instance, settings))
            images.setdefault(reference, needed)
    return tuple(images.values())


def list_images_to_pull(instances: Sequence[Instance], settings: Settings) -> tuple[str, ...]:
    """List what ``wb pull`` fetches, each once: configured images, and those of the instances.

    What stock platforms start is left out where every platform is another one.
    """
    has_stock = any(is_stock(instance, settings) for instance in instances)
    may_have_stock = has_stock or not (instances or settings.platform_image)
    helpers = (R_IMAGE, PGADMIN_IMAGE) if may_have_stock else ()
    stock = (*helpers[:1], settings.postgres_image, *helpers[1:], settings.valkey_image)
    named = (
        *(instance.postgres_image for instance in instances),
        *(
            choose_images(instance, settings).get(part)
            for part in (Part.PLATFORM, Part.ADMIN)
            for instance in instances
        ),
    )
    wanted = (*(settings.pull_images or stock), *(image for image in named if image))
    return tuple(dict.fromkeys(wanted))


def find_stock_users(instances: Sequence[Instance], settings: Settings) -> tuple[Instance, ...]:
    """Find the instances that would lose their stock image if ``platform_image`` were set."""
    if settings.platform_image:
        return ()
    return tuple(
        instance
        for instance in instances
        if not instance.image and instance.server_version != __version__
    )


def _name_first_platform(settings: Settings) -> str:
    template = settings.platform_image or PLATFORM.reference
    return template.format(version=__version__)


def _choose_recipe(
    part: Part, reference: str, instance: Instance, settings: Settings
) -> Recipe | None:
    """Choose the recipe that can replace an image that cannot be pulled.

    There is none for an instance's own image. For a platform there is one only if its version is
    wb's own.
    """
    if part in {Part.POSTGRES, Part.WAL}:
        is_own = instance.postgres_image is not None and reference != POSTGRES.tag
        return None if is_own else POSTGRES
    if part is Part.VALKEY:
        return VALKEY
    is_own_choice = instance.image is not None or settings.platform_image is not None
    is_stock_of_ours = not is_own_choice and instance.server_version == __version__
    can_build = part is Part.PLATFORM and (reference == PLATFORM.tag or is_stock_of_ours)
    return PLATFORM if can_build else None
