"""The images that a command line names: those of instances, and images by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.options import complete_selector

if TYPE_CHECKING:
    from wb_cli.cli.context import Wb

Wanted = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR|IMAGE]...",
        help="Instances, whose images are meant, or images; without one, all that are needed.",
        autocompletion=complete_selector,
        show_default=False,
    ),
]


def choose_images(wb: Wb, wanted: list[str] | None) -> list[str]:
    """Choose the images that a command line names. Raises ``UsageError``."""
    from wb_cli.provision.sending.choose import choose_references

    return choose_references(
        wanted or [], wb.registry, wb.settings, lambda name: wb.images.find(name) is not None
    )
