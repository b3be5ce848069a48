"""Fetch WAL of the repository: the segments that are needed, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli import contract
from wb_cli.backup.make import ROOT
from wb_cli.engine.task import TaskMount

if TYPE_CHECKING:
    from pathlib import Path

    from wb_cli.backup.moments.stretch import Stretch
    from wb_cli.backup.restic import Restic
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.options import RunOptions


def fetch_wal(  # noqa: PLR0913, PLR0917  (what is fetched, by whom, and where to)
    machine: Machine,
    restic: Restic,
    stretch: Stretch,
    segments: range,
    target: Path,
    options: RunOptions,
) -> None:
    """Fetch segments of a stretch, by their numbers, into a folder.

    Raises:
        WbError: they cannot be read.
    """
    machine.create(target, (), {})
    restic.restore(
        f"{stretch.snapshot}:{ROOT}/{contract.WAL}/{stretch.name}",
        TaskMount(str(target), "/restored", is_read_only=False),
        lambda progress: options.report(f"fetching WAL: {progress}"),
        # The last one may have a longer name: it was still being written.
        [f"/{stretch.name_segment(number)}*" for number in segments],
    )
