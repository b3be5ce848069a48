"""Decide: which images of wb nobody needs. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.instances.local_images import RECIPES
from wb_cli.lifecycle.planning.images import (
    STOCK_REPOSITORY,
    choose_images,
    choose_platform_image,
    name_stock_image,
)
from wb_cli.provision.needs import list_images_to_pull, list_needed_images
from wb_cli.provision.pruning.items import Item, Kind
from wb_cli.provision.recipes import LABEL_RECIPE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from wb_cli.engine.types import ListedImage
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.registry import Registry

DAY_S = 86_400
# A build that goes on has images without a name, too.
SETTLED_AFTER_S = DAY_S
STOCK = re.compile(rf"{re.escape(STOCK_REPOSITORY)}:wb-(fastr|hmis)-server(-admin)?-v.+")

RECIPE_REPOSITORIES = {recipe.tag.rpartition(":")[0] for recipe in RECIPES.values()}


class Needs(Struct, frozen=True):
    """What decides which images are needed.

    ``previous`` is the platform's image that each instance ran before, as far as it is known, and
    ``in_use`` are the ids of the images of all containers. ``kept`` are the images of PostgreSQL
    that kept databases of before an upgrade need.
    """

    registry: Registry
    settings: Settings
    previous: Mapping[str, str]
    in_use: Collection[str]
    kept: Collection[str] = ()


def find_unneeded(images: Sequence[ListedImage], needs: Needs, now: float) -> Iterator[Item]:
    """Find the images that no instance, setting or way back needs."""
    registry, settings = needs.registry, needs.settings
    needed = list_needed(images, needs)
    for image in images:
        if image.id in needs.in_use:
            continue
        if not image.references:
            # An image that is built on one of wb's inherits its labels, but not its last step.
            if LABEL_RECIPE in image.last_step and now - image.created > SETTLED_AFTER_S:
                name = image.id.removeprefix("sha256:")[:12]
                yield Item(Kind.IMAGES, name, image.id, "an earlier build of a recipe", image.bytes)
            continue
        for reference in image.references:
            if reference not in needed and is_ours(reference, image, registry, settings):
                yield Item(
                    Kind.IMAGES,
                    reference,
                    reference,
                    "no instance, setting or way back needs it",
                    image.bytes,
                )


def is_ours(reference: str, image: ListedImage, registry: Registry, settings: Settings) -> bool:
    """Whether an image is a platform of the fleet, or was built from a recipe of wb."""
    is_recipes = split_tag(reference)[0] in RECIPE_REPOSITORIES and LABEL_RECIPE in image.labels
    if is_recipes or STOCK.fullmatch(reference):
        return True
    templates = filter(None, (settings.platform_image, settings.admin_image))
    if any(_is_made_from(template, reference) for template in templates):
        return True
    own = {split_tag(instance.image)[0] for instance in registry.instances if instance.image}
    return split_tag(reference)[0] in own


def list_needed(images: Sequence[ListedImage], needs: Needs) -> set[str]:
    """List the images that must stay: of instances, settings, this release, and the way back."""
    registry, settings = needs.registry, needs.settings
    needed = {each.reference for each in list_needed_images(registry.instances, settings)}
    needed |= {*list_images_to_pull(registry.instances, settings)}
    needed |= {settings.postgres_image, settings.valkey_image}
    needed |= {recipe.tag for recipe in RECIPES.values()}
    needed |= {*_list_of_refused(registry, settings), *needs.kept}
    for instance in registry.instances:
        needed |= set(choose_images(instance, settings).values())
        before = needs.previous.get(instance.id)
        needed.add(before or _guess_previous(instance, images, settings, needed))
    return needed


def _list_of_refused(registry: Registry, settings: Settings) -> Iterator[str]:
    """List what refused entries may need: their problems may have nothing to do with images."""
    for entry in registry.refused:
        if isinstance(entry.raw, dict):
            named = (entry.raw.get(name) for name in ("image", "postgresImage"))
            yield from (each for each in named if isinstance(each, str))
        if version := entry.server_version:
            yield name_stock_image(version)
            if settings.platform_image:
                yield settings.platform_image.format(version=version)


def _guess_previous(
    instance: Instance,
    images: Sequence[ListedImage],
    settings: Settings,
    needed: Collection[str],
) -> str:
    """Guess an instance's previous image: the newest other of the same repository."""
    current = choose_platform_image(instance, settings)
    repository = split_tag(current)[0]
    others = [
        (image.created, reference)
        for image in images
        for reference in image.references
        if reference not in needed and split_tag(reference)[0] == repository
    ]
    return max(others, default=(0, ""))[1]


def split_tag(reference: str) -> tuple[str, str]:
    """Split a reference into the repository and its tag."""
    repository, colon, tag = reference.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (reference, "")


def _is_made_from(template: str, reference: str) -> bool:
    start, mark, end = template.partition("{version}")
    return bool(mark) and bool(start) and reference.startswith(start) and reference.endswith(end)
