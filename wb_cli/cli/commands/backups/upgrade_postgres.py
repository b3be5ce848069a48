"""wb upgrade-postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.commands.backups.places import open_repository, prepare
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import select_on_one
from wb_cli.cli.options import DryRun, Json, Quiet, Selectors, Verbose, Wait, Yes
from wb_cli.cli.show.endings import act_in_steps, show_endings
from wb_cli.cli.show.refused import name_refused
from wb_cli.cli.words.param_types import Seconds
from wb_cli.contract import Part
from wb_cli.errors import ExitCode, WbError
from wb_cli.lifecycle.options import READY_WITHIN_S, RunOptions, Verb

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("upgrade-postgres")(upgrade_postgres)


def complete_image(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of an image of PostgreSQL that is on the engine."""
    try:
        images = get_wb(ctx).images.list_all()
    except WbError:
        return []
    names = {name for image in images for name in image.references if "postgres" in name}
    return sorted(name for name in names if name.startswith(incomplete))


def upgrade_postgres(
    ctx: typer.Context,
    selectors: Selectors,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="VERSION|IMAGE",
            help="The version, as another tag of the present image; or an image.",
            autocompletion=complete_image,
            show_default=False,
        ),
    ],
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Do not back up first what is moved.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    timeout: Annotated[
        float,
        typer.Option(help="How long it may take until it is ready.", click_type=Seconds()),
    ] = READY_WITHIN_S,
    wait: Wait = 0,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Bring another PostgreSQL under instances.

    The same major version is another image and a restart of PostgreSQL. For another major version
    all databases are moved. It is tried first whether the new image fits: extensions, settings,
    room. The instance is backed up. Then the platform stops, all databases are dumped and loaded
    into a new folder, and both are compared, table by table and row by row count. The folders are
    exchanged, and the instance starts. The cache stays.

    If it does not become healthy, the old databases come back by themselves. They are kept in any
    case: `wb restore ID --undo` goes back to them, `--accept` removes them. If it is cut off,
    `wb status` says so, and `wb run` puts it in order.

    Examples:
        wb upgrade-postgres demo --to 18 --dry-run
        wb upgrade-postgres @pilot --to 17.6
        wb upgrade-postgres demo --to registry.example.org/postgres:18.1
    """
    del as_json, verbose, quiet
    from wb_cli.backup.another_postgres.upgrade import Upgrade
    from wb_cli.lifecycle.batch import combine_exit_codes

    wb, selection = select_on_one(get_wb(ctx), selectors)
    instances = {instance.id: instance for instance in selection.instances}
    images = {id_: _name_image(wb, instance, to) for id_, instance in instances.items()}
    if not dry_run:
        wb.console.confirm(_ask(images), yes=yes)
        _fetch_missing(wb, set(images.values()))
        if not no_backup:
            _prepare(wb)
    has_backup = not (no_backup or dry_run)
    endings = act_in_steps(
        wb,
        RunOptions(Verb.UPGRADE_POSTGRES, timeout, wait, 1, dry_run),
        list(instances),
        lambda id_, own: Upgrade(
            wb.fleet,
            instances[id_],
            images[id_],
            own,
            open_repository(wb, own.cancelled, own.verb, id_) if has_backup else None,
        ).run(),
    )
    show_endings(wb.console, endings, selection.refused)
    code = combine_exit_codes(endings) if endings else ExitCode.OK
    return name_refused(wb.console, selection.refused, code)


def _name_image(wb: Wb, instance: Instance, to: str) -> str:
    """Name the image that an instance gets."""
    from wb_cli.backup.another_postgres.target import name_image
    from wb_cli.lifecycle.planning.images import choose_images

    declared = choose_images(instance, wb.settings)[Part.POSTGRES]
    found = wb.engine.find_image(declared)
    version = found.postgres_version if found else ""
    return name_image(to, declared, version, wb.settings.postgres_image)


def _ask(images: Mapping[str, str]) -> str:
    names = ", ".join(dict.fromkeys(images.values()))
    return f"Bring {names} under {', '.join(images)}? Each is away meanwhile."


def _fetch_missing(wb: Wb, images: Collection[str]) -> None:
    """Fetch the images that are not on the engine, before anything is changed.

    Raises:
        WbError: one of them cannot be fetched.
    """
    from wb_cli.provision.pull import pull_all

    missing = sorted(image for image in images if not wb.engine.find_image(image))
    with wb.console.tasks(len(missing), has_lines=False) as tasks:
        pulled = pull_all(
            wb.images,
            missing,
            lambda image, progress: tasks.update(image, str(progress)),
            at_a_time=1,
            mirror=wb.settings.mirror,
        )
        for each in pulled:
            if each.error:
                raise WbError(
                    f"the image {each.image} is not on this engine, and cannot be fetched: "
                    f"{each.error.message}",
                    each.error.hint or "`--to` takes any image that `docker images` lists.",
                )
            tasks.finish(each.image, "fetched", ok=True)


def _prepare(wb: Wb) -> None:
    """Make the repository ready for the backups that come first.

    Raises:
        WbError: it is not. Nothing was changed.
    """
    try:
        prepare(wb)
    except WbError as error:
        error.hint = f"{error.hint} `--no-backup` goes on without a backup.".strip()
        raise
