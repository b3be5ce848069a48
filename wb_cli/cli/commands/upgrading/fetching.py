"""Fetch the images of another version, before anything is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wb_cli.cli.context import Wb
    from wb_cli.engine.pull_progress import PullProgress


def fetch_images(wb: Wb, ids: Iterable[str], to: str, *, dry_run: bool) -> None:
    """Fetch each image that is missing here, before anything is changed.

    Raises:
        UsageError: the version would be the same image.
        WbError: an image cannot be had. Nothing was changed.
    """
    from wb_cli.instances.registry_file.entries import parse_entry
    from wb_cli.lifecycle.planning.images import choose_platform_image
    from wb_cli.upgrade.target import change_entry
    from wb_cli.upgrade.versions import refuse_same_image

    references: dict[str, None] = {}
    for id_ in ids:
        entry = wb.registry_file.read_entry(id_)
        wanted = parse_entry(change_entry(entry, to))
        refuse_same_image(wb.settings, parse_entry(entry), wanted)
        references[choose_platform_image(wanted, wb.settings)] = None
    missing = [each for each in references if wb.images.find(each) is None]
    if missing and dry_run:
        raise WbError(
            f"not on this engine: {', '.join(missing)}", "Without --dry-run it is fetched first."
        )
    for reference in missing:
        _fetch_image(wb, reference)


def _fetch_image(wb: Wb, reference: str) -> None:
    from wb_cli.provision.pull import explain, pull_one

    with wb.console.tasks() as tasks:
        tasks.update(reference, "fetching")

        def show_progress(progress: PullProgress) -> None:
            tasks.update(reference, str(progress))

        try:
            pull_one(wb.images, reference, show_progress, wb.settings.mirror)
        except WbError as error:
            raise explain(error) from error
