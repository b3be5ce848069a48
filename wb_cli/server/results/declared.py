"""The declarations of all caches. Everything else about a cache follows from its declaration.

| cache | uniqueness hash | version hash |
| --- | --- | --- |
| ``po_detail`` | ``<project>|<po>`` | the object's last_updated |
| ``po_items`` | ``<project>|<results object>|<fetch config>`` | the module's last_run |
| ``metric_info`` | ``<project>::<metric>`` | the module's last_run |
| ``dataset_hmis`` | ``<raw or common>_<sorted facility columns>`` | ``<version id>_<mappings>`` |
| ``dataset_hfa`` | ``hfa`` | ``<version id>`` |
| ``replicant_options`` | ``<project>::<results object>::<by>::<fetch config>`` | last_run |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wb_cli.server.db import queries_datasets, queries_items, queries_metrics, queries_objects
from wb_cli.server.db.queries_datasets import INDICATOR_TYPES, IndicatorType
from wb_cli.server.db.queries_versions import DatasetVersions, ObjectVersion, RunVersion
from wb_cli.server.results.names import part
from wb_cli.server.results.wants import Declaration, ObjectOf


@dataclass(frozen=True, slots=True)
class MetricOf:
    """A metric of a project, with the run that wrote its results."""

    project_id: str
    metric_id: str
    run: RunVersion


@dataclass(frozen=True, slots=True)
class ReplicantsOf:
    """An object of a project, and the dimension that it can be repeated by."""

    project_id: str
    known: ObjectVersion
    by: str


@dataclass(frozen=True, slots=True)
class Hmis:
    """The HMIS dataset, by raw or common indicators."""

    indicators: IndicatorType
    known: DatasetVersions


PO_DETAIL: Declaration[ObjectOf] = Declaration(
    "po_detail",
    "detail",
    (queries_objects,),
    uniqueness=lambda of: f"{part(of.project_id)}|{of.known.id}",
    version=lambda of: of.known.last_updated,
    load=lambda db, of: queries_objects.load_object_detail(db, of.project_id, of.known.id),
    of_object=lambda of: of,
)


METRIC_INFO: Declaration[MetricOf] = Declaration(
    "metric_info",
    "metric info",
    (queries_metrics,),
    uniqueness=lambda of: f"{part(of.project_id)}::{of.metric_id}",
    version=lambda of: of.run.settled,
    load=lambda db, of: queries_metrics.load_metric_info(db, of.project_id, of.metric_id),
    of_object=lambda of: MetricOf(of.project_id, of.known.metric_id, of.known.run),
)


def items_hash(of: ObjectOf) -> str:
    """The uniqueness hash of items. Objects that fetch the same from the same results share it.

    Raises:
        InvalidConfigError: the object's config cannot be one.
    """
    known = of.known
    return f"{part(of.project_id)}|{part(known.results_object_id)}|{known.fetch_config().hash}"


PO_ITEMS: Declaration[ObjectOf] = Declaration(
    "po_items",
    "items",
    (queries_items,),
    uniqueness=items_hash,
    version=lambda of: of.known.run.settled,
    load=lambda db, of: queries_items.load_items(
        db, of.project_id, of.known.results_object_id, of.known.fetch_config()
    ),
    of_object=lambda of: of,
)


def replicants_hash(of: ReplicantsOf) -> str:
    """The uniqueness hash of the values that an object can be repeated for.

    Raises:
        InvalidConfigError: the object's config cannot be one.
    """
    ids = (of.project_id, of.known.results_object_id, of.by)
    return "::".join((*map(part, ids), of.known.fetch_config().hash))


# Replicants are cheap to load and asked for one at a time. They live in L1 alone, not warmed.
REPLICANT_OPTIONS: Declaration[ReplicantsOf] = Declaration(
    "replicant_options",
    "replicant options",
    (queries_items,),
    uniqueness=replicants_hash,
    version=lambda of: of.known.run.settled,
    load=lambda db, of: queries_items.load_replicant_options(
        db, of.project_id, of.known.results_object_id, of.by, of.known.fetch_config()
    ),
    is_persistent=False,
)


def hmis_to_warm(known: DatasetVersions) -> Mapping[str, Hmis]:
    """The dataset by raw and by common indicators, if there is a dataset."""
    if known.hmis is None:
        return {}
    return {f"HMIS, {kind} indicators": Hmis(kind, known) for kind in INDICATOR_TYPES}


DATASET_HMIS: Declaration[Hmis] = Declaration(
    "dataset_hmis",
    "items",
    (queries_datasets,),
    uniqueness=lambda of: f"{of.indicators}_{'_'.join(sorted(of.known.facility_columns))}",
    version=lambda of: of.known.hmis,
    load=lambda db, of: queries_datasets.load_hmis_items(
        db, of.indicators, of.known.facility_columns
    ),
    is_of_projects=False,
    of_datasets=hmis_to_warm,
)


DATASET_HFA: Declaration[DatasetVersions] = Declaration(
    "dataset_hfa",
    "items",
    (queries_datasets,),
    uniqueness=lambda _: "hfa",
    version=lambda known: known.hfa,
    load=lambda db, _: queries_datasets.load_hfa_items(db),
    is_of_projects=False,
    of_datasets=lambda known: {} if known.hfa is None else {"HFA": known},
)


DECLARED: tuple[Declaration[Any], ...] = (
    PO_DETAIL,
    METRIC_INFO,
    PO_ITEMS,
    DATASET_HMIS,
    DATASET_HFA,
    REPLICANT_OPTIONS,
)
