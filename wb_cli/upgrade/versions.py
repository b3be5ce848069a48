"""Which image an instance has now, and which it would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.contract import Env
from wb_cli.engine.types import LABEL_SPEC
from wb_cli.errors import ImageMissingError, UsageError
from wb_cli.lifecycle.planning.fingerprint import parse
from wb_cli.lifecycle.planning.images import choose_platform_image, replace_version
from wb_cli.upgrade.target import Version

if TYPE_CHECKING:
    from wb_cli.engine.base import ImageStore
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance


def refuse_same_image(settings: Settings, instance: Instance, wanted: Instance) -> None:
    """Refuse another version that is the same image, as the setting names one for all versions.

    Raises:
        UsageError: that is so. Nothing would be upgraded, and nothing compared.
    """
    is_other = wanted.server_version != instance.server_version
    image = choose_platform_image(wanted, settings)
    if is_other and not wanted.image and image == choose_platform_image(instance, settings):
        raise UsageError(
            f"{wanted.server_version} of {wanted.id} would be the image that it has now: the "
            f"setting platform_image names {image} for every version",
            f"`--to {replace_version(image, wanted.server_version)}` names an image; or let the "
            f"setting have the version in it: `platform_image={replace_version(image, '{version}')}"
            "`.",
        )


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
    running = name_image(platform)
    if running == declared:
        id_ = platform.image_id
        return Version(instance.server_version, instance.image or "", declared, id_)
    made_with = parse(platform.labels.get(LABEL_SPEC))
    version = made_with.get(Env.SERVER_VERSION, instance.server_version)
    plain = replace(instance, image=None, server_version=version)
    own = "" if choose_platform_image(plain, settings) == running else running
    return Version(version, own, running, platform.image_id)


def name_image(platform: ObservedContainer) -> str:
    """Name the image that a container was made from, whatever has that name now.

    The engine lists an image by its id once its name denotes another one.
    """
    return parse(platform.labels.get(LABEL_SPEC)).get("image") or platform.image
