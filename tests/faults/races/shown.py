"""Read the values of facts from an answer's body, by name. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from faults.races.world import (
    HALVES,
    LONE,
    METRICS,
    MODULES,
    MONTHS,
    OBJECTS,
    PROJECT,
    RESULTS,
    RUNS,
    STILL,
)

A_PROJECT = f"/api/projects/{PROJECT}"
Facts = dict[str, Any]


class IncompleteError(Exception):
    """The body holds a part of one state and a part of another."""


@dataclass(frozen=True)
class Page:
    """A page that a client can ask for."""

    path: str
    read: Callable[[Any], Facts]
    # The fact that is missing if the server does not know the page.
    missing: str | None = None
    # The results whose halves have the same state in every answer with an ETag.
    results: str | None = None

    def shown(self, body: bytes, is_settled: bool) -> Facts:
        """Read the facts that a body shows.

        Raises:
            IncompleteError: they are not of one state.
        """
        facts = self.read(orjson.loads(body))
        # A run writes the halves one after the other. A write outside a run writes both at once.
        if self.results and (is_settled or self.results != RUNS):
            seen = {facts.get(f"results {self.results} {half}") for half in HALVES}
            if len(seen) > 1:
                raise IncompleteError(f"the halves of {self.results} are of the states {seen}")
        return facts


def only(values: Iterable[Any], what: str) -> Any:
    """Return the value that all of them have."""
    distinct = set(values)
    if len(distinct) != 1:
        raise IncompleteError(f"{what}: {sorted(distinct, key=str) or 'nothing'}")
    return distinct.pop()


def detail_of(object_id: str) -> Page:
    """An object's detail."""
    metric = OBJECTS[object_id]

    def read(body: Any) -> Facts:
        return {
            f"label {object_id}": body["label"],
            f"config {object_id}": config_number(body["config"]),
            f"metric {metric}": body["metric"]["label"],
            f"module {METRICS[metric]}": body["module"]["label"],
            f"results object {RESULTS[metric]}": body["resultsObject"]["label"],
            f"last_updated of {object_id}": body["lastUpdated"],
        }

    missing = f"label {object_id}"
    return Page(f"{A_PROJECT}/objects/{object_id}", read, missing)


def items_of(object_id: str) -> Page:
    """An object's items."""
    metric = OBJECTS[object_id]
    results = RESULTS[metric]

    def read(body: Any) -> Facts:
        facts: Facts = {f"config {object_id}": config_number(body["fetchConfig"])}
        for half in HALVES:
            counts = [item["count"] for item in body["items"] if item["half"] == half]
            if len(counts) != MONTHS[results]:
                raise IncompleteError(f"{len(counts)} months in the half {half} of {results}")
            facts[f"results {results} {half}"] = only(counts, f"the half {half} of {results}")
        return facts

    path, missing = f"{A_PROJECT}/objects/{object_id}/items", f"label {object_id}"
    return Page(path, read, missing, results)


def replicants_of(object_id: str) -> Page:
    """The zones that an object can be repeated for: one for each half."""
    metric = OBJECTS[object_id]
    results = RESULTS[metric]
    path, missing = f"{A_PROJECT}/objects/{object_id}/replicants/zone", f"label {object_id}"
    return Page(
        path,
        lambda body: zones(results, body["values"]),
        missing,
        results,
    )


def metric_info_of(metric: str) -> Page:
    """The pages of a metric."""
    results = RESULTS[metric]

    def read(body: Any) -> Facts:
        values = {entry["dimension"]: entry["values"] for entry in body["disaggregations"]}
        return {f"metric {metric}": body["label"], **zones(results, values["zone"])}

    missing = f"metric {metric}"
    return Page(f"{A_PROJECT}/metrics/{metric}", read, missing, results)


def zones(results: str, values: list[str]) -> Facts:
    """Read zones such as `a7`: the half and its state."""
    halves = [(value[0], int(value[1:])) for value in values]
    if sorted(half for half, _ in halves) != list(HALVES):
        raise IncompleteError(f"the zones of {results} are {values}")
    return {f"results {results} {half}": n for half, n in halves}


def config_number(config: Any) -> int:
    """Find the write that a config belongs to."""
    ((number,),) = (
        [int(v.removeprefix("config ")) for v in filter_["values"] if v.startswith("config ")]
        for filter_ in config["filters"]
    )
    return number


def read_objects(body: Any) -> Facts:
    """The list of objects."""
    facts: Facts = dict.fromkeys(f"label {object_id}" for object_id in OBJECTS)
    facts |= {f"label {entry['id']}": entry["label"] for entry in body}
    facts |= {f"last_updated of {entry['id']}": entry["lastUpdated"] for entry in body}
    return facts


def hmis_of(indicators: str) -> Page:
    """The HMIS dataset."""

    def read(body: Any) -> Facts:
        facts: Facts = {
            "counts": only((item["count"] for item in body["items"]), "counts"),
            **labels(body, indicators, indicators),
            "facility columns": tuple(body["facilityColumns"]),
        }
        if "ownership" in body["facilityColumns"]:
            owners = (int(item["ownership"]) for item in body["items"])
            facts["ownership"] = only(owners, "ownership")
        return facts

    return Page(f"/api/datasets/hmis/{indicators}", read)


def labels(body: Any, indicator: str, kind: str) -> Facts:
    """The labels of a dataset's own indicator and of the still one."""
    shown = {entry["id"]: int(entry["label"]) for entry in body["indicators"]}
    return {f"{kind} label": shown[indicator], f"{kind} label of {STILL}": shown[STILL]}


def read_hfa(body: Any) -> Facts:
    """The HFA dataset."""
    return {
        "HFA values": only((item["value"] for item in body["items"]), "HFA values"),
        **labels(body, "power", "HFA"),
    }


DATASETS = (hmis_of("raw"), hmis_of("common"), Page("/api/datasets/hfa", read_hfa))
PAGES = (
    *(make(name) for make in (detail_of, items_of, replicants_of) for name in OBJECTS),
    *map(metric_info_of, (*MODULES, LONE)),
    *DATASETS,
    Page(f"{A_PROJECT}/objects", read_objects),
)
