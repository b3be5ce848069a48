"""The modules of a sample project, and the rows of their results."""

from collections.abc import Iterator
from dataclasses import dataclass

from wb_cli.server.db.results import ResultsObject
from wb_cli.server.sample.country import (
    COMMON_INDICATORS,
    FACILITY_TYPES,
    REGIONS,
    Country,
    season,
)
from wb_cli.server.sample.size import Chance


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a results object."""

    id: str
    label: str
    results: ResultsObject
    value_props: tuple[str, ...]
    value_func: str


@dataclass(frozen=True, slots=True)
class Module:
    """A module. Without a run it has no results."""

    id: str
    label: str
    metrics: tuple[Metric, ...]
    has_run: bool = True


REGION = ("indicator_id", "admin_area_2")
DISTRICT = (*REGION, "admin_area_3")


def module(id_: str, label: str, results: ResultsObject, **options: bool) -> Module:
    """A module with one results object, a metric of all measures, and a metric of each measure."""
    every = Metric(results.id, results.label, results, results.measures, "sum")
    single = [
        Metric(f"{results.id}_{name}", f"{label}: {name}", results, (name,), "avg")
        for name in results.measures
    ]
    return Module(id_, label, (every, *single), **options)


MODULES = (
    module(
        "m1_volumes",
        "Service volumes",
        ResultsObject(
            "volumes", "m1_volumes", "Service volumes", DISTRICT, ("reported", "adjusted")
        ),
    ),
    module(
        "m2_quality",
        "Data quality",
        ResultsObject("quality", "m2_quality", "Reports", DISTRICT, ("outliers", "completeness")),
    ),
    module(
        "m3_disruptions",
        "Disruptions",
        ResultsObject(
            "disruptions",
            "m3_disruptions",
            "Expected and actual volumes",
            (*REGION, "facility_type"),
            ("expected", "actual"),
        ),
    ),
    module(
        "m4_coverage",
        "Coverage",
        ResultsObject("coverage", "m4_coverage", "Coverage", REGION, ("coverage", "target")),
    ),
    module(
        "m5_equity",
        "Equity",
        ResultsObject("equity", "m5_equity", "Gaps between regions", REGION, ("gap",)),
        has_run=False,
    ),
)


def rows_of(
    results: ResultsObject, country: Country, chance: Chance
) -> Iterator[tuple[object, ...]]:
    """The rows of a results table: a figure for each place and month, with season and growth."""
    for indicator in COMMON_INDICATORS:
        level = chance.uniform(50, 5_000)
        for place, weight in places(results, country):
            for number, month in enumerate(country.months):
                figure = level * weight * season(number) * chance.uniform(0.85, 1.15)
                measures = figures(results, figure, chance)
                yield (indicator, *place, month, *measures)


def places(results: ResultsObject, country: Country) -> list[tuple[tuple[str, ...], float]]:
    """The values of a results object's dimensions besides the indicator, with their weights."""
    if "admin_area_3" in results.dimensions:
        return [
            ((district.region, district.name), district.weight) for district in country.districts
        ]
    if "facility_type" in results.dimensions:
        return [
            ((region, kind), 1.0 / (1 + rank))
            for region in REGIONS
            for rank, kind in enumerate(FACILITY_TYPES)
        ]
    return [((region,), 1.0) for region in REGIONS]


def figures(results: ResultsObject, figure: float, chance: Chance) -> tuple[float | None, ...]:
    """The measures of a row: two similar counts, or shares."""
    if results.id in ("volumes", "disruptions"):
        return round(figure), round(figure * chance.uniform(0.95, 1.1))
    # A share that could not be computed is NULL, as in real results.
    share = None if chance.happens(0.01) else round(chance.betavariate(6, 3), 4)
    return (share, 0.8)[: len(results.measures)]
