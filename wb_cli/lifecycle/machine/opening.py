"""Open the way to the machine of an engine elsewhere."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wb_cli.errors import ImageMissingError
from wb_cli.lifecycle.machine.far import FarMachine
from wb_cli.lifecycle.machine.outpost import Outpost, read_script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.engine.base import Channel, Engine
    from wb_cli.instances.host_settings.settings import Settings


def find_machine(engine: Engine, settings: Settings) -> FarMachine | None:
    """Give the machine of an engine elsewhere. It is looked at when the first question comes."""
    if engine.is_local:
        return None
    return FarMachine(Outpost(partial(_open, engine, settings)))


def _open(engine: Engine, settings: Settings) -> Channel:
    for image in _find_images(engine, settings):
        if engine.find_image(image):
            return engine.open_outpost(image, read_script(), settings.labels)
    raise ImageMissingError(
        f"wb looks at the engine's machine from a container, and {settings.postgres_image} is not "
        "there",
        "`wb pull` fetches it; where there is no registry, `wb images send HOST` brings it from "
        "here.",
    )


def _find_images(engine: Engine, settings: Settings) -> Iterator[str]:
    """Find images that may do: any with a shell and chroot."""
    yield settings.postgres_image
    yield settings.valkey_image
    for container in engine.observe().containers:
        if container.instance:
            yield container.image
