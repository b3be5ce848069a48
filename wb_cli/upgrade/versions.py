"""Which image an instance has now, and which it would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.errors import ImageMissingError
from wb_cli.lifecycle.planning.images import choose_platform_image
from wb_cli.upgrade.target import Version

if TYPE_CHECKING:
    from wb_cli.engine.base import ImageStore
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance


def find_wanted(images: ImageStore, settings: Settings, instance: Instance) -> Version:
    """Find the version that an entry declares.

    Raises:
        ImageMissingError: its image is not on this engine.
    """
    reference = choose_platform_image(instance, settings)
    image = images.find(reference)
    if image is None:
        raise ImageMissingError(
            f"the image {reference} is not on this engine", f"`wb pull {instance.id}` gets it."
        )
    return Version(instance.server_version, instance.image or "", reference, image.id)


def find_present(
    images: ImageStore, settings: Settings, instance: Instance, platform: ObservedContainer | None
) -> Version:
    """Find the version that an instance has: what runs, or else what is declared, if it is here."""
    reference = choose_platform_image(instance, settings)
    image = images.find(reference)
    id_ = platform.image_id if platform else image.id if image else ""
    return Version(instance.server_version, instance.image or "", reference, id_)
