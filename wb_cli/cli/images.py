"""wb images build / save / load."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from wb_cli.cli.context import Json, get_wb
from wb_cli.cli.group import Group
from wb_cli.cli.image_results import ShownImage, choose_exit_code, make_image_documents, show_images
from wb_cli.cli.refused import name_refused
from wb_cli.errors import ExitCode, UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.instances.local_images import Recipe

group = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Build images where no registry answers; carry them to another host.",
)


def register(app: typer.Typer) -> None:
    """Add the group to the tree."""
    app.add_typer(group, name="images")


@group.command()
def build(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[postgres|valkey|platform]...", help="Which; all unless given."),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", "--no-cache", help="Build anew, from packages fetched anew."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Build images from wb's own recipes, and set wb to use them.

    What is there and up to date is left as it is. Needs Debian's packages and Python's, but no
    registry.
    """
    del as_json
    from wb_cli.instances.local_images import choose_recipes
    from wb_cli.provision.build import build_all, set_image_settings

    wb = get_wb(ctx)
    recipes = choose_recipes(names or [])
    shown: dict[Recipe, ShownImage] = {}
    with wb.console.tasks(len(recipes)) as tasks:
        mirror = wb.settings.mirror
        for recipe, outcome in build_all(
            wb.images, recipes, rebuild=rebuild, mirror=mirror, report=tasks.update
        ):
            text = _describe(outcome)
            tasks.finish(recipe.tag, text, ok=not isinstance(outcome, WbError))
            shown[recipe] = _show_outcome(recipe, outcome)
    built = [recipe for recipe in recipes if not shown[recipe].error]
    notes = set_image_settings(built, wb.settings, wb.registry.instances)
    rows = list(shown.values())
    if wb.console.as_json:
        wb.console.write_json({"images": make_image_documents(rows), "notes": notes})
    else:
        show_images(wb.console, rows, notes)
    return choose_exit_code(rows)


def _describe(outcome: bool | WbError) -> str:
    if isinstance(outcome, WbError):
        return outcome.headline
    return "built" if outcome else "up to date"


def _show_outcome(recipe: Recipe, outcome: bool | WbError) -> ShownImage:
    if isinstance(outcome, WbError):
        return ShownImage(recipe.tag, "failed", "failed", outcome)
    return ShownImage(recipe.tag, _describe(outcome), _describe(outcome))


File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="The archive of images; `-` is a pipe.", show_default=False
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
PIPE = Path("-")


@group.command()
def save(ctx: typer.Context, file: File, force: Force = False) -> int:
    """Write all images that the declared instances need to a file, for a host without a registry.

    Examples: `wb images save images.tar`, carry it over, `wb images load images.tar` there;
    `wb images save - | ssh host wb images load -`
    """
    from wb_cli.provision.needs import list_needed_images

    wb = get_wb(ctx)
    references = [
        image.reference for image in list_needed_images(wb.registry.instances, wb.settings)
    ]
    if file == PIPE:
        _save_to_pipe(wb, references)
    else:
        _save_to_file(wb, references, file, force=force)
    return name_refused(wb.console, wb.registry.refused, ExitCode.OK)


def _save_to_file(wb: Wb, references: Sequence[str], file: Path, *, force: bool) -> None:
    from wb_cli.provision import archive as image_file

    if file.is_file() and not force and sys.stdin.isatty():
        wb.console.confirm(f"{file} is there. Replace it?", yes=False)
        force = True
    with wb.console.tasks() as tasks:
        name = str(file)
        image_file.save(
            wb.images,
            references,
            file,
            lambda done: tasks.update(name, "saving", done),
            force=force,
        )
        tasks.finish(name, f"{file.stat().st_size / 1e6:.0f} MB")
    for reference in references:
        wb.console.write_line(reference)


def _save_to_pipe(wb: Wb, references: Sequence[str]) -> None:
    from wb_cli.provision import archive as image_file

    if sys.stdout.isatty():
        raise UsageError("images are not written to a terminal", "Pipe them, or name a file.")
    with wb.console.tasks() as tasks:
        image_file.save_to(
            wb.images,
            references,
            wb.console.stream_bytes,
            lambda done: tasks.update("images", "sending", done),
        )
        tasks.finish("images", f"{', '.join(references)} sent")


@group.command()
def load(ctx: typer.Context, file: File) -> None:
    """Check a file of `wb images save`, and load its images; `-` reads them from a pipe."""
    from wb_cli.provision import archive as image_file

    wb = get_wb(ctx)
    with wb.console.tasks() as tasks:
        name = str(file)
        size = file.stat().st_size if file.exists() else None

        def on_bytes(done: int) -> None:
            tasks.update(name, "loading", done, size)

        if file == PIPE:
            references = image_file.load_from(_open_pipe(), lambda: wb.images, on_bytes)
        else:
            references = image_file.load(lambda: wb.images, file, on_bytes)
        tasks.finish(name, "loaded")
    for reference in references:
        wb.console.write_line(reference)


def _open_pipe() -> BinaryIO:
    if sys.stdin.isatty():
        raise UsageError("images are not read from a terminal", "Pipe them in, or name a file.")
    return sys.stdin.buffer
