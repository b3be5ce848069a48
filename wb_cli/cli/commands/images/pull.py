"""wb pull."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.commands.images.results import (
    ShownImage,
    choose_exit_code,
    make_image_documents,
    show_images,
)
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import ask_each, list_here, list_hosts
from wb_cli.cli.options import Json
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.cli.words.param_types import Count
from wb_cli.errors import WbError
from wb_cli.instances.hosts import group
from wb_cli.instances.selectors import HERE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.console import Tasks
    from wb_cli.cli.context import Wb
    from wb_cli.engine.pull_progress import PullProgress
    from wb_cli.instances.model import Instance

Mirror = Annotated[
    str | None,
    typer.Option(
        metavar="PREFIX",
        help="Take every image from this registry; local tags stay as they are.",
        show_default=False,
    ),
]
Parallel = Annotated[int, typer.Option(help="Images at a time.", click_type=Count(1, 16))]


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(pull)


def pull(
    ctx: typer.Context, mirror: Mirror = None, parallel: Parallel = 4, as_json: Json = False
) -> int:
    """Fetch all images that instances need.

    Each host gets those of its own instances. Several are fetched at a time. What exists only on
    an engine, because it was built there, is skipped and named. An image that fails leaves the
    others alone.

    Examples:
        wb pull
        wb pull --mirror registry.example.org:5000
    """
    del as_json

    wb = get_wb(ctx)
    source = wb.settings.mirror if mirror is None else mirror
    wanted = _list_images(wb)
    with wb.console.tasks(sum(map(len, wanted.values()))) as tasks:
        if len(wanted) == 1:
            ((name, references),) = wanted.items()
            shown = _pull(wb.at(name), references, source, parallel, tasks)
        else:
            pull_there = lambda host: _pull(  # noqa: E731
                host, wanted[host.host], source, parallel, tasks, name=host.host or HERE
            )
            answers = ask_each(wb, wanted, pull_there)
            shown = [row for name, answer in answers.items() for row in
                     _read_answer(answer, name or HERE, wanted[name])]  # fmt: skip
    refused = wb.registry.refused
    if wb.console.as_json:
        images = make_image_documents(shown)
        wb.console.write_json({"images": images, "refused": make_documents(refused)})
    else:
        show_images(wb.console, shown)
    return name_refused(wb.console, refused, choose_exit_code(shown))


def _list_images(wb: Wb) -> dict[str | None, tuple[str, ...]]:
    """List the images that each host needs. ``--host`` leaves that one alone."""
    from wb_cli.provision.needs import list_images_to_pull

    instances: dict[str | None, Sequence[Instance]] = {None: list_here(wb)}
    instances |= {host: each for host, each in group(wb.registry.instances).items() if host}
    return {
        name: list_images_to_pull(instances.get(name, ()), wb.settings) for name in list_hosts(wb)
    }


def _pull(
    wb: Wb, references: Sequence[str], source: str, parallel: int, tasks: Tasks, *, name: str = ""
) -> list[ShownImage]:
    """Pull the images of one host. ``name`` is the host, if there are several."""
    from wb_cli.provision.pull import pull_all

    def name_job(image: str) -> str:
        return f"{name}: {image}" if name else image

    def on_progress(image: str, progress: PullProgress) -> None:
        tasks.update(name_job(image), str(progress), progress.done, progress.total or None)

    shown = []
    for pulled in pull_all(wb.images, references, on_progress, mirror=source, at_a_time=parallel):
        tasks.finish(name_job(pulled.image), pulled.ending, ok=pulled.error is None)
        result = pulled.ending.name.lower()
        shown.append(ShownImage(pulled.image, result, pulled.ending, pulled.error, name))
    return sorted(shown, key=lambda image: references.index(image.image))


def _read_answer(
    answer: list[ShownImage] | WbError, name: str, references: Sequence[str]
) -> list[ShownImage]:
    """Give the results of a host. Where it does not answer, every image of it has failed."""
    if not isinstance(answer, WbError):
        return answer
    return [ShownImage(image, "failed", "failed", answer, name) for image in references]
