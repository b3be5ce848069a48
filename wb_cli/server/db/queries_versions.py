"""Queries of current versions. They are cheap, and asked before any load."""

import asyncio
from dataclasses import dataclass
from typing import Any

from wb_cli.server.db.address import MAIN
from wb_cli.server.db.fetch_config import FetchConfig, fetch_config
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.sql import require_row


@dataclass(frozen=True, slots=True)
class RunVersion:
    """A module's state: the version of its results, its metrics' info and its replicants."""

    last_run: str | None
    is_running: bool
    is_unfinished: bool = False  # its run began so long ago that it must have failed

    @property
    def settled(self) -> str | None:
        """The version hash; None if the module has not run yet, or runs now."""
        return None if self.is_running else self.last_run


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One presentation object: its versions, and the parts of its uniqueness hashes."""

    id: str
    label: str
    last_updated: str
    metric_id: str
    results_object_id: str
    module_id: str
    run: RunVersion
    config: dict[str, Any]
    value_props: list[str]
    value_func: str

    def fetch_config(self) -> FetchConfig:
        """What the object fetches.

        Raises:
            InvalidConfigError: its config cannot be one.
        """
        return fetch_config(self.config, self.value_props, self.value_func)


@dataclass(frozen=True, slots=True)
class DatasetVersions:
    """The parts of the datasets' hashes. A version id of None says that there is no dataset."""

    hmis_version_id: int | None
    hfa_version_id: int | None
    indicator_mappings_version: int
    facility_columns: tuple[str, ...]

    @property
    def hmis(self) -> str | None:
        """The version hash of HMIS items."""
        return hmis_version(self.hmis_version_id, self.indicator_mappings_version)

    @property
    def hfa(self) -> str | None:
        """The version hash of HFA items."""
        return hfa_version(self.hfa_version_id)


def hmis_version(version_id: int | None, indicator_mappings_version: int) -> str | None:
    """Make the HMIS version hash. Only this function does."""
    return None if version_id is None else f"{version_id}_{indicator_mappings_version}"


def hfa_version(version_id: int | None) -> str | None:
    """Make the HFA version hash. Only this function does."""
    return None if version_id is None else f"{version_id}"


# After this time a run that was not completed counts as ended, and its results as settled. Each of
# its writes has moved `last_run`, so the results have a version of their own.
RUN_ENDS_WITHIN_H = 24
# The state of the module that writes a results object. It may differ from the metric's module.
LAST_RUN = f"""
    version_text(mod.last_run) AS last_run,
    coalesce(mod.run_started_at > clock_timestamp() - interval '{RUN_ENDS_WITHIN_H} h', false)
        AS is_running,
    coalesce(mod.run_started_at <= clock_timestamp() - interval '{RUN_ENDS_WITHIN_H} h', false)
        AS is_unfinished
"""
RUN_FIELDS = ("last_run", "is_running", "is_unfinished")
# An object takes 10 us. After so many, the event loop gets a turn.
ROWS_IN_A_ROW = 250
OBJECT_VERSIONS = f"""
    SELECT po.id, po.label, version_text(po.last_updated) AS last_updated, po.metric_id, po.config,
           met.results_object_id, met.module_id, met.value_props, met.value_func, {LAST_RUN}
    FROM presentation_objects po
    JOIN metrics met ON met.id = po.metric_id
    JOIN results_objects ro ON ro.id = met.results_object_id
    LEFT JOIN modules mod ON mod.id = ro.module_id
"""


async def read_object_versions(databases: Databases, project_id: str) -> list[ObjectVersion]:
    """All objects of a project with their versions, the last updated first, in one query."""
    async with databases.connect(project_id) as connection:
        rows = await connection.fetch(f"{OBJECT_VERSIONS} ORDER BY po.last_updated DESC, po.id")
    versions: list[ObjectVersion] = []
    for start in range(0, len(rows), ROWS_IN_A_ROW):
        versions += map(_object_version, rows[start : start + ROWS_IN_A_ROW])
        await asyncio.sleep(0)
    return versions


async def read_object_version(
    databases: Databases, project_id: str, object_id: str
) -> ObjectVersion:
    """One object with all its versions."""
    async with databases.connect(project_id) as connection:
        row = await connection.fetchrow(f"{OBJECT_VERSIONS} WHERE po.id = $1", object_id)
    return _object_version(require_row(row, "presentation object", object_id))


async def read_metric_version(databases: Databases, project_id: str, metric_id: str) -> RunVersion:
    """The version of a metric's info."""
    async with databases.connect(project_id) as connection:
        row = await connection.fetchrow(
            f"""SELECT {LAST_RUN} FROM metrics met
            JOIN results_objects ro ON ro.id = met.results_object_id
            LEFT JOIN modules mod ON mod.id = ro.module_id
            WHERE met.id = $1""",
            metric_id,
        )
    return RunVersion(**require_row(row, "metric", metric_id))


async def read_dataset_versions(databases: Databases) -> DatasetVersions:
    """The versions of both datasets, and the columns by which facilities are shown."""
    async with databases.connect(MAIN) as connection:
        return await dataset_versions(connection)


async def dataset_versions(connection: Any) -> DatasetVersions:
    """The same, within the snapshot that the caller loads from."""
    row = await connection.fetchrow(
        """SELECT (SELECT max(id) FROM dataset_hmis_versions) AS hmis_version_id,
                  (SELECT max(id) FROM dataset_hfa_versions) AS hfa_version_id,
                  indicator_mappings_version, facility_columns
           FROM instance_config"""
    )
    columns = tuple(sorted(row["facility_columns"]))
    return DatasetVersions(**{**row, "facility_columns": columns})


def _object_version(row: Any) -> ObjectVersion:
    fields = dict(row)
    run = RunVersion(*(fields.pop(name) for name in RUN_FIELDS))
    return ObjectVersion(run=run, **fields)
