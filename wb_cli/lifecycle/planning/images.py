"""Choose the image of each part of an instance. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Part

if TYPE_CHECKING:
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance

STOCK_REPOSITORY = "timroberton/comb"
FIRST_FASTR_VERSION = (1, 6)


def choose_platform_image(instance: Instance, settings: Settings) -> str:
    """Choose the platform's image: the instance's own, the configured one, or the stock one."""
    if instance.image:
        return instance.image
    if settings.platform_image:
        return settings.platform_image.format(version=instance.server_version)
    return name_stock_image(instance.server_version)


def name_stock_image(version: str) -> str:
    """Name the stock image of a version. The pattern of the name changed with version 1.6."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    kind = "fastr" if numbers >= FIRST_FASTR_VERSION else "hmis"
    return f"{STOCK_REPOSITORY}:wb-{kind}-server-v{version}"


def choose_images(instance: Instance, settings: Settings) -> dict[Part, str]:
    """Choose the image of each part of an instance."""
    chosen = {
        Part.POSTGRES: instance.postgres_image or settings.postgres_image,
        Part.VALKEY: settings.valkey_image,
        Part.PLATFORM: choose_platform_image(instance, settings),
    }
    if instance.point_in_time:
        chosen[Part.WAL] = chosen[Part.POSTGRES]
    if instance.admin_version:
        chosen[Part.ADMIN] = settings.admin_image.format(version=instance.admin_version)
    return chosen


def replace_version(reference: str, version: str) -> str:
    """Name the image of another version: the same repository, and the version as its tag."""
    name = reference.partition("@")[0]
    path, slash, last = name.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}:{version}"


def is_stock(instance: Instance, settings: Settings) -> bool:
    """Whether the platform is a stock image. Stock images start containers of their own."""
    return not instance.image and not settings.platform_image
