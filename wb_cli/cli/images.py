"""wb pull, wb images build / save / load."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from wb_cli.cli.console import StateCell
from wb_cli.cli.context import Json, wb_of
from wb_cli.cli.group import Group
from wb_cli.cli.refused import documents, name_refused
from wb_cli.errors import ExitCode, UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wb_cli.cli.console import Console
    from wb_cli.cli.context import Wb
    from wb_cli.engine.pull_progress import PullProgress
    from wb_cli.instances.local_images import Recipe
    from wb_cli.provision.pull import ImageResult

Mirror = Annotated[
    str | None,
    typer.Option(
        metavar="PREFIX",
        help="Take every image from this registry; local tags stay as they are.",
        show_default=False,
    ),
]
Parallel = Annotated[int, typer.Option(help="Images at a time.", min=1, max=16)]

group = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Build images where no registry answers; carry them to another host.",
)


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(pull)
    app.add_typer(group, name="images")


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

    wb = wb_of(ctx)
    references = list_images_to_pull(wb.registry.instances, wb.settings)
    ended: list[ImageResult] = []
    with wb.console.tasks(len(references)) as tasks:

        def on_progress(image: str, progress: PullProgress) -> None:
            tasks.update(image, str(progress), progress.done, progress.total or None)

        source = wb.settings.mirror if mirror is None else mirror
        for one in pull_all(wb.images, references, on_progress, mirror=source, at_a_time=parallel):
            tasks.finish(one.image, _in_words(one), ok=one.error is None)
            ended.append(one)
    if wb.console.as_json:
        refused = documents(wb.registry.refused)
        wb.console.json({"images": [_pulled(one) for one in ended], "refused": refused})
    else:
        rows = [(one.image, StateCell(one.ending)) for one in ended]
        wb.console.table(("IMAGE", "RESULT"), rows)
        _show_failures(wb.console, ((one.image, one.error) for one in ended))
    code = exit_code([one.error for one in ended])
    return name_refused(wb.console, wb.registry.refused, code)


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
    from wb_cli.provision.build import build_all

    wb = wb_of(ctx)
    recipes = _recipes(names or [])
    ended: dict[str, bool | WbError] = {}
    with wb.console.tasks(len(recipes)) as tasks:
        mirror = wb.settings.mirror
        for recipe, outcome in build_all(
            wb.images, recipes, rebuild=rebuild, mirror=mirror, report=tasks.update
        ):
            tasks.finish(recipe.tag, _built(outcome), ok=not isinstance(outcome, WbError))
            ended[recipe.tag] = outcome
    notes = _use(wb, [recipe for recipe in recipes if not isinstance(ended[recipe.tag], WbError)])
    errors = {tag: one if isinstance(one, WbError) else None for tag, one in ended.items()}
    if wb.console.as_json:
        documents = [
            _document(tag, "failed" if errors[tag] else _built(ended[tag]), errors[tag])
            for tag in ended
        ]
        wb.console.json({"images": documents, "notes": notes})
    else:
        rows = [
            (tag, StateCell("failed" if errors[tag] else _built(one))) for tag, one in ended.items()
        ]
        wb.console.table(("IMAGE", "RESULT"), rows)
        for note in notes:
            wb.console.line(note)
        _show_failures(wb.console, errors.items())
    return exit_code(list(errors.values()))


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

    wb = wb_of(ctx)
    references = [one.reference for one in list_needed_images(wb.registry.instances, wb.settings)]
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
        wb.console.line(reference)


def _save_to_pipe(wb: Wb, references: Sequence[str]) -> None:
    from wb_cli.provision import archive as image_file

    if sys.stdout.isatty():
        raise UsageError("images are not written to a terminal", "Pipe them, or name a file.")
    with wb.console.tasks() as tasks:
        image_file.save_to(
            wb.images,
            references,
            wb.console.stream,
            lambda done: tasks.update("images", "sending", done),
        )
        tasks.finish("images", f"{', '.join(references)} sent")


@group.command()
def load(ctx: typer.Context, file: File) -> None:
    """Check a file of `wb images save`, and load its images; `-` reads them from a pipe."""
    from wb_cli.provision import archive as image_file

    wb = wb_of(ctx)
    with wb.console.tasks() as tasks:
        name = str(file)
        size = file.stat().st_size if file.exists() else None

        def on_bytes(done: int) -> None:
            tasks.update(name, "loading", done, size)

        if file == PIPE:
            references = image_file.load_from(_piped(), lambda: wb.images, on_bytes)
        else:
            references = image_file.load(lambda: wb.images, file, on_bytes)
        tasks.finish(name, "loaded")
    for reference in references:
        wb.console.line(reference)


def _piped() -> BinaryIO:
    if sys.stdin.isatty():
        raise UsageError("images are not read from a terminal", "Pipe them in, or name a file.")
    return sys.stdin.buffer


def exit_code(errors: Sequence[WbError | None]) -> ExitCode:
    """All well, some failed, or all failed."""
    if not any(errors):
        return ExitCode.OK
    return ExitCode.FAILURE if all(errors) else ExitCode.PARTIAL


def _recipes(names: Sequence[str]) -> list[Recipe]:
    from wb_cli.instances.local_images import RECIPES

    for name in names:
        if name not in RECIPES:
            raise UsageError(
                f"there is no recipe {name!r}", f"There are {', '.join(RECIPES)}; all unless named."
            )
    return [recipe for name, recipe in RECIPES.items() if name in (names or RECIPES)]


def _use(wb: Wb, recipes: Iterable[Recipe]) -> list[str]:
    from wb_cli.provision.build import set_image_setting

    notes = (set_image_setting(recipe, wb.settings, wb.registry.instances) for recipe in recipes)
    return [note for note in notes if note]


def _built(outcome: bool | WbError) -> str:
    if isinstance(outcome, WbError):
        return outcome.headline
    return "built" if outcome else "up to date"


def _show_failures(console: Console, errors: Iterable[tuple[str, WbError | None]]) -> None:
    for image, error in errors:
        if error:
            console.failure(WbError(f"{image}: {error.message}", error.hint))


def _in_words(one: ImageResult) -> str:
    return one.error.headline if one.error else str(one.ending)


def _pulled(one: ImageResult) -> dict[str, Any]:
    return _document(one.image, one.ending.name.lower(), one.error)


def _document(image: str, result: str, error: WbError | None) -> dict[str, Any]:
    from wb_cli.cli.console import error_document

    document: dict[str, Any] = {"image": image, "result": result}
    return document | {"error": error_document(error)} if error else document
