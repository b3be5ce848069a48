"""wb images build / save / load / send / sbom."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from wb_cli.cli.commands.images.choice import Wanted, choose_images
from wb_cli.cli.commands.images.results import (
    ShownImage,
    choose_exit_code,
    make_image_documents,
    show_images,
)
from wb_cli.cli.commands.images.sbom import sbom
from wb_cli.cli.commands.images.sending import send
from wb_cli.cli.context import get_wb
from wb_cli.cli.options import PIPE, Json
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.cli.words.group import Group
from wb_cli.errors import ExitCode, UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.instances.local_images import Recipe

group = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Build, save, load, send and list images.",
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
    """Build images where no registry answers.

    They are built from wb's own recipes, and wb is set to use them. What is there and up to date is
    left as it is. It needs Debian's packages and Python's, but no registry.

    Examples:
        wb images build
        wb images build platform --rebuild
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
            text = "failed" if isinstance(outcome, WbError) else _describe(outcome)
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


def _describe(outcome: bool) -> str:
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


@group.command()
def save(
    ctx: typer.Context,
    file: File,
    wanted: Wanted = None,
    force: Force = False,
    as_json: Json = False,
) -> int:
    """Write images to a file.

    Without more words these are the images that the declared instances need. `wb images load` reads
    the file on a host without a registry.

    Examples:
        wb images save images.tar
        wb images save one.tar demo @field wb-platform:0.2.0
        wb images save - | ssh host wb images load -
    """
    wb = get_wb(ctx)
    references = choose_images(wb, wanted)
    if file == PIPE and as_json:
        raise UsageError(
            "the images themselves are the answer", "Leave --json out, or name a file."
        )
    if file == PIPE:
        _save_to_pipe(wb, references)
    else:
        _save_to_file(wb, references, file, force=force)
    return name_refused(wb.console, wb.registry.refused, ExitCode.OK)


def _save_to_file(wb: Wb, references: Sequence[str], file: Path, *, force: bool) -> None:
    from wb_cli.provision import archive as image_file
    from wb_cli.quantities import describe_size

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
        tasks.finish(name, describe_size(file.stat().st_size))
    _show_file(wb, file, references)


def _show_file(wb: Wb, file: Path, references: Sequence[str]) -> None:
    """Show which images a file holds."""
    if wb.console.as_json:
        size = None if file == PIPE else file.stat().st_size
        refused = make_documents(wb.registry.refused)
        answer = {"file": str(file), "bytes": size, "images": list(references), "refused": refused}
        wb.console.write_json(answer)
        return
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
def load(ctx: typer.Context, file: File, as_json: Json = False) -> None:
    """Load the images of such a file.

    The file is one of `wb images save`. It is checked first. `-` reads from a pipe.

    Examples:
        wb images load images.tar
        wb images save - | ssh host wb images load -
    """
    from wb_cli.provision import archive as image_file

    del as_json
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
    _show_file(wb, file, references)


def _open_pipe() -> BinaryIO:
    if sys.stdin.isatty():
        raise UsageError("images are not read from a terminal", "Pipe them in, or name a file.")
    return sys.stdin.buffer


group.command()(send)
group.command()(sbom)
