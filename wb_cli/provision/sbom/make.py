"""Look into an image, and make its bill of materials."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from wb_cli.engine.task import TaskSpec
from wb_cli.errors import ImageMissingError, WbError
from wb_cli.instances.local_images import RECIPES
from wb_cli.provision.sbom.document import write_document
from wb_cli.provision.sbom.packages import read_packages
from wb_cli.quantities import write_now

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from wb_cli.engine.base import Engine


def make_bill(
    engine: Engine, name: str, labels: Mapping[str, str], cancelled: threading.Event
) -> dict[str, Any]:
    """Make the bill of materials of an image that is on the engine.

    ``name`` is that of a recipe, or a reference. A container of the image, without a network, says
    what is installed; ``labels`` are given to it.

    Raises:
        ImageMissingError: there is no such image.
        WbError: it has no shell, or neither of the two lists of packages.
        InterruptedError: ``cancelled`` was set.
    """
    reference = RECIPES[name].tag if name in RECIPES else name
    image = engine.find_image(reference)
    if image is None:
        raise ImageMissingError(
            f"{reference} is not on this engine", "`wb pull` or `wb images build` brings it."
        )
    lines: list[str] = []
    script = files(__package__).joinpath("list_packages.sh").read_text()
    task = TaskSpec("sbom", image.id, ("sh", "-c", script), labels=labels)
    end = engine.run_task(task, lines.append, cancelled)
    packages = read_packages(lines)
    if end.code or not packages:
        why = end.why if end.code else "it has no packages of Debian, and none of Python"
        raise WbError(f"what {reference} is made of could not be read: {why}")
    return write_document(reference, image, packages, write_now())
