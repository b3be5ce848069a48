"""wb pull."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.context import Json, get_wb
from wb_cli.cli.image_results import ShownImage, choose_exit_code, make_image_documents, show_images
from wb_cli.cli.refused import make_documents, name_refused

if TYPE_CHECKING:
    from wb_cli.engine.pull_progress import PullProgress

Mirror = Annotated[
    str | None,
    typer.Option(
        metavar="PREFIX",
        help="Take every image from this registry; local tags stay as they are.",
        show_default=False,
    ),
]
Parallel = Annotated[int, typer.Option(help="Images at a time.", min=1, max=16)]


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(pull)


def pull(
    ctx: typer.Context, mirror: Mirror = None, parallel: Parallel = 4, as_json: Json = False
) -> int:
    """Fetch all images that instances need, several at a time.

    What exists only on this engine, built here, is skipped and named. An image that fails leaves
    the others alone.

    Examples: `wb pull`, `wb pull --mirror registry.example.org:5000`
    """
    del as_json
    from wb_cli.provision.needs import list_images_to_pull
    from wb_cli.provision.pull import pull_all

    wb = get_wb(ctx)
    references = list_images_to_pull(wb.registry.instances, wb.settings)
    source = wb.settings.mirror if mirror is None else mirror
    shown: list[ShownImage] = []
    with wb.console.tasks(len(references)) as tasks:

        def on_progress(image: str, progress: PullProgress) -> None:
            tasks.update(image, str(progress), progress.done, progress.total or None)

        for pulled in pull_all(
            wb.images, references, on_progress, mirror=source, at_a_time=parallel
        ):
            text = pulled.error.headline if pulled.error else str(pulled.ending)
            tasks.finish(pulled.image, text, ok=pulled.error is None)
            shown.append(
                ShownImage(pulled.image, pulled.ending.name.lower(), pulled.ending, pulled.error)
            )
    refused = wb.registry.refused
    if wb.console.as_json:
        images = make_image_documents(shown)
        wb.console.write_json({"images": images, "refused": make_documents(refused)})
    else:
        show_images(wb.console, shown)
    return name_refused(wb.console, refused, choose_exit_code(shown))
