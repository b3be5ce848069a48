"""Fetch the databases of a backup. Changes are put together with the whole copy they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli import contract
from wb_cli.backup.copying.room import refuse_cut_off
from wb_cli.backup.make import ROOT
from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.backup.answers import Progress
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

INSIDE = "/fetched"
WHOLE, CHANGES = ".whole", ".changes"
COMBINE = f"""\
cd {INSIDE} && rm -rf "$1"
pg_combinebackup --manifest-checksums=SHA256 -o "$1" "$1{WHOLE}" "$1{CHANGES}" || exit
exec rm -rf "$1{WHOLE}" "$1{CHANGES}"
"""


class MisfitError(WbError):
    """The changes cannot be put together with the whole copy."""


def fetch_databases(  # noqa: PLR0913, PLR0917  (what is fetched, by whom, and where to)
    fleet: Fleet,
    restic: Restic,
    backup: Backup,
    image: str,
    target: Path,
    options: RunOptions,
) -> None:
    """Fetch the databases of a backup into a folder, as PostgreSQL can start on them.

    Raises:
        MisfitError: the two copies do not belong together.
        WbError: a copy cannot be read.
    """
    if not backup.base:
        _fetch(fleet, restic, backup.id, target, options)
        return
    for id_, suffix in ((backup.base, WHOLE), (backup.id, CHANGES)):
        _fetch(fleet, restic, id_, target.with_name(target.name + suffix), options)
    _combine(fleet, image, target, options)


def _fetch(fleet: Fleet, restic: Restic, id_: str, target: Path, options: RunOptions) -> None:
    def show(progress: Progress) -> None:
        options.report(f"fetching: {progress}")

    if fleet.machine:
        fleet.machine.create(target, (), {})
    mount = TaskMount(str(target), "/restored", is_read_only=False)
    restic.restore(f"{id_}:{ROOT}/{contract.DATABASES}", mount, show)


def _combine(fleet: Fleet, image: str, target: Path, options: RunOptions) -> None:
    options.report("putting the changes together with the whole copy")
    spec = TaskSpec(
        purpose="restore",
        image=image,
        command=("sh", "-c", COMBINE, "combine", target.name),
        mounts=(TaskMount(str(target.parent), INSIDE, is_read_only=False),),
        labels=fleet.settings.labels,
    )
    end = fleet.engine.run_task(spec, lambda _: None, options.cancelled)
    if end.code:
        refuse_cut_off(end, "what puts the changes together with the whole copy")
        raise MisfitError(
            f"the changes do not fit the whole copy on which they are based: {end.why}"
        )
