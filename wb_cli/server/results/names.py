"""The named caches, and how each hashes: written once, for requests and the warm-up alike.

| cache | uniqueness hash | version hash |
| --- | --- | --- |
| ``po_detail`` | ``<project>|<po>`` | the object's last_updated |
| ``po_items`` | ``<project>|<results object>|<fetch config>`` | the module's last_run |
| ``metric_info`` | ``<project>::<metric>`` | the module's last_run |
| ``dataset_hmis`` | ``<raw or common>_<sorted facility columns>`` | ``<version id>_<mappings>`` |
| ``dataset_hfa`` | ``hfa`` | ``<version id>`` |
| ``replicant_options`` | ``<project>::<results object>::<by>::<fetch config>`` | last_run |
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class CacheName(StrEnum):
    """The caches; the value is the name in L2, in the metrics and in the API."""

    PO_DETAIL = "po_detail"
    PO_ITEMS = "po_items"
    METRIC_INFO = "metric_info"
    DATASET_HMIS = "dataset_hmis"
    DATASET_HFA = "dataset_hfa"
    REPLICANT_OPTIONS = "replicant_options"

    @property
    def is_persistent(self) -> bool:
        """Whether it has an L2 tier. Replicant options are cheap to load, and live in L1 alone."""
        return self is not CacheName.REPLICANT_OPTIONS


@dataclass(frozen=True, slots=True)
class Ask:
    """Which thing, in which state. A version of None: it is unsettled now."""

    cache: CacheName
    uniqueness: str
    version: str | None


# What separates parts, and what escapes that. Only the last part of a hash may hold it as it is.
SEPARATING = re.compile("[|:%]")


def part(text: str) -> str:
    """An id that others follow in a hash: ordinary ones as they are, and no two ever alike."""
    return SEPARATING.sub(lambda found: f"%{ord(found[0]):02X}", text)


def object_detail(project_id: str, object_id: str, last_updated: str) -> Ask:
    """A presentation object's detail."""
    return Ask(CacheName.PO_DETAIL, f"{part(project_id)}|{object_id}", last_updated)


def object_items(
    project_id: str, results_object_id: str, fetch_hash: str, last_run: str | None
) -> Ask:
    """Items: shared by all objects that fetch the same from the same results."""
    uniqueness = f"{part(project_id)}|{part(results_object_id)}|{fetch_hash}"
    return Ask(CacheName.PO_ITEMS, uniqueness, last_run)


def metric_info(project_id: str, metric_id: str, last_run: str | None) -> Ask:
    """What is known of a metric."""
    return Ask(CacheName.METRIC_INFO, f"{part(project_id)}::{metric_id}", last_run)


def replicant_options(
    project_id: str,
    results_object_id: str,
    replicate_by: str,
    fetch_hash: str,
    last_run: str | None,
) -> Ask:
    """The values that an object can be repeated for."""
    uniqueness = (
        f"{part(project_id)}::{part(results_object_id)}::{part(replicate_by)}::{fetch_hash}"
    )
    return Ask(CacheName.REPLICANT_OPTIONS, uniqueness, last_run)


def hmis_items(indicator_type: str, facility_columns: Iterable[str], version: str | None) -> Ask:
    """The HMIS dataset, by raw or common indicators."""
    uniqueness = f"{indicator_type}_{'_'.join(sorted(facility_columns))}"
    return Ask(CacheName.DATASET_HMIS, uniqueness, version)


def hfa_items(version: str | None) -> Ask:
    """The HFA dataset."""
    return Ask(CacheName.DATASET_HFA, "hfa", version)
