"""Which image an instance has now, and which it would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.errors import ImageMissingError
from wb_cli.lifecycle.planning.images import choose_platform_image
from wb_cli.upgrade.target import Version, split_reference

if TYPE_CHECKING:
    from wb_cli.engine.base import ImageStore
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance

BY_ID = "sha256:"


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
    """Find the version that an instance has: what runs, or else what is declared, if it is here.

    A version that was declared and not applied is not the one that an instance has.
    """
    declared = choose_platform_image(instance, settings)
    if platform is None:
        image = images.find(declared)
        id_ = image.id if image else ""
        return Version(instance.server_version, instance.image or "", declared, id_)
    running = platform.image
    # The engine lists an image by its id once its name denotes another one.
    if running == declared or running.startswith(BY_ID):
        id_ = platform.image_id
        return Version(instance.server_version, instance.image or "", declared, id_)
    tag = split_reference(running)[1]
    plain = replace(instance, image=None, server_version=tag or instance.server_version)
    own = "" if choose_platform_image(plain, settings) == running else running
    version = instance.server_version if own else plain.server_version
    return Version(version, own, running, platform.image_id)
