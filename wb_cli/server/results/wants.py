"""What can be wanted of the caches: each thing with its hashes and its query, for all who ask."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wb_cli.server.db.loaded import Loaded
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_datasets import IndicatorType, load_hfa_items, load_hmis_items
from wb_cli.server.db.queries_items import load_items, load_replicant_options
from wb_cli.server.db.queries_metrics import load_metric_info
from wb_cli.server.db.queries_objects import load_object_detail
from wb_cli.server.db.queries_versions import DatasetVersions, ObjectVersion, RunVersion
from wb_cli.server.results import names
from wb_cli.server.results.names import Ask


@dataclass(frozen=True, slots=True)
class Want:
    """One entry that somebody wants: which, in which state, and how it is loaded."""

    ask: Ask
    load: Callable[[], Awaitable[Loaded]]


@dataclass(frozen=True, slots=True)
class Wants:
    """Makes wants from versions that were just read."""

    databases: Databases

    def object_detail(self, project_id: str, known: ObjectVersion) -> Want:
        """A presentation object's detail."""
        return Want(
            names.object_detail(project_id, known.id, known.last_updated),
            lambda: load_object_detail(self.databases, project_id, known.id),
        )

    def object_items(self, project_id: str, known: ObjectVersion) -> Want:
        """A presentation object's items.

        Raises:
            InvalidConfigError: the object's config cannot be one.
        """
        fetch, results = known.fetch_config(), known.results_object_id
        return Want(
            names.object_items(project_id, results, fetch.hash, known.run.settled),
            lambda: load_items(self.databases, project_id, results, fetch),
        )

    def metric_info(self, project_id: str, metric_id: str, run: RunVersion) -> Want:
        """What is known of a metric."""
        return Want(
            names.metric_info(project_id, metric_id, run.settled),
            lambda: load_metric_info(self.databases, project_id, metric_id),
        )

    def replicant_options(self, project_id: str, known: ObjectVersion, by: str) -> Want:
        """The values that an object can be repeated for.

        Raises:
            InvalidConfigError: the object's config cannot be one.
        """
        fetch, results = known.fetch_config(), known.results_object_id
        return Want(
            names.replicant_options(project_id, results, by, fetch.hash, known.run.settled),
            lambda: load_replicant_options(self.databases, project_id, results, by, fetch),
        )

    def hmis_items(self, indicator_type: IndicatorType, known: DatasetVersions) -> Want:
        """The HMIS dataset."""
        columns = known.facility_columns
        return Want(
            names.hmis_items(indicator_type, columns, known.hmis),
            lambda: load_hmis_items(self.databases, indicator_type, columns),
        )

    def hfa_items(self, known: DatasetVersions) -> Want:
        """The HFA dataset."""
        return Want(names.hfa_items(known.hfa), lambda: load_hfa_items(self.databases))
