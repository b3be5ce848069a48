"""Take a snapshot of a running Valkey along, so that a restored instance is warm.

It is taken before the databases are copied. So the cache knows no version of the data that a
restored database could reach a second time, with other content.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import WbError
from wb_cli.lifecycle.readiness.probes import parse_valkey_info

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wb_cli.engine.types import ObservedContainer
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

SNAPSHOT = "dump.rdb"
# Where the copy lies in the staging folder. The task that removes the copy knows the name.
COPY = "data.cache"
ASK = ("valkey-cli", "info", "persistence")
SAVE = ("valkey-cli", "bgsave")
LOOKS_EVERY_S = 0.2
FROM, TO = "/from", "/to"
# The owner stays: Valkey reads the restored file as its own user.
COPY_FILE = f"mkdir -p {TO}/{COPY} && cp -p {FROM}/{SNAPSHOT} {TO}/{COPY}/"


class Saving(Enum):
    """How far Valkey is with its snapshot."""

    RUNS = auto()
    DONE = auto()
    FAILED = auto()


def copy_cache(
    fleet: Fleet, valkey: ObservedContainer | None, data: Path, staging: Path, options: RunOptions
) -> None:
    """Let Valkey write its snapshot, and copy that into the staging folder.

    Raises:
        WbError: there is no snapshot to copy. The message says why.
        InterruptedError: a signal came.
    """
    if valkey is None or not valkey.is_running:
        raise WbError("Valkey does not run")
    options.report("saving the cache")
    refuse_log(_ask(fleet, valkey.id))
    code, output = fleet.engine.execute(valkey.id, SAVE)
    if code:
        raise WbError(f"Valkey refuses to save: {output.decode(errors='replace').strip()}")
    while (saving := judge(_ask(fleet, valkey.id))) is Saving.RUNS:
        if options.cancelled.wait(LOOKS_EVERY_S):
            raise InterruptedError
    if saving is Saving.FAILED:
        raise WbError("Valkey could not write its snapshot; its log says why")
    _copy_file(fleet, valkey.image_id, data, staging, options)


def refuse_log(info: Mapping[str, str]) -> None:
    """Refuse a cache that is kept as a log of writes: a snapshot of it would not be read."""
    if info.get("aof_enabled") == "1":
        raise WbError("the cache is kept as a log of writes (aof), not as snapshots (rdb)")


def judge(info: Mapping[str, str]) -> Saving:
    """Judge by Valkey's own words how far it is."""
    if info.get("rdb_bgsave_in_progress") == "1" or info.get("aof_rewrite_in_progress") == "1":
        return Saving.RUNS
    return Saving.DONE if info.get("rdb_last_bgsave_status") == "ok" else Saving.FAILED


def _ask(fleet: Fleet, container: str) -> Mapping[str, str]:
    code, output = fleet.engine.execute(container, ASK)
    if code:
        raise WbError(f"Valkey does not answer: {output.decode(errors='replace').strip()}")
    return parse_valkey_info(output)


def _copy_file(fleet: Fleet, image: str, data: Path, staging: Path, options: RunOptions) -> None:
    spec = TaskSpec(
        purpose="backup",
        image=image,
        command=("sh", "-c", COPY_FILE),
        mounts=(TaskMount(str(data), FROM), TaskMount(str(staging), TO, is_read_only=False)),
        labels=fleet.settings.labels,
    )
    end = fleet.engine.run_task(spec, lambda _: None, options.cancelled)
    if end.code:
        raise WbError(f"its snapshot could not be copied: {'; '.join(end.complaints)}")
