"""Presentation objects: tables, time series, charts and maps, as varied as users make them."""

from dataclasses import dataclass
from typing import Any

from wb_cli.server.sample.country import COMMON_INDICATORS, REGIONS
from wb_cli.server.sample.modules import MODULES, Metric, Module
from wb_cli.server.sample.size import Chance

KINDS = {"table": 35, "timeseries": 30, "chart": 20, "map": 15}
PALETTES = ("greens", "blues", "alert", "categorical")


@dataclass(frozen=True, slots=True)
class Made:
    """An object to be written."""

    id: str
    label: str
    metric_id: str
    config: dict[str, Any]


def objects(count: int, chance: Chance) -> list[Made]:
    """So many objects. Most belong to modules that have run, and some to a module that has not."""
    made: list[Made] = []
    ready = [module for module in MODULES if module.has_run]
    waiting = [module for module in MODULES if not module.has_run]
    for number in range(count):
        if made and chance.happens(0.1):
            made.append(_copy(number, chance.choice(made), chance))
        else:
            module = chance.choice(waiting if chance.happens(0.02) else ready)
            made.append(_object(number, module, chance))
    return made


def _copy(number: int, original: Made, chance: Chance) -> Made:
    """An object with the same data in another style, as users copy their reports."""
    made = original.config | {"style": _style(chance)}
    return Made(f"po-{number:05d}", f"{original.label} (copy)", original.metric_id, made)


def _object(number: int, module: Module, chance: Chance) -> Made:
    metric = chance.choice(module.metrics)
    kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
    label = f"{metric.label}, {kind} {number + 1}"
    return Made(f"po-{number:05d}", label, metric.id, config(kind, metric, chance))


def config(kind: str, metric: Metric, chance: Chance) -> dict[str, Any]:
    """An object's config: what it fetches, and how it looks."""
    made = {
        "type": kind,
        "values": chance.sample(metric.value_props, chance.randint(1, len(metric.value_props))),
        "disaggregateBy": _disaggregations(kind, metric, chance),
        "filters": _filters(chance),
        "period": _period(chance),
        "style": _style(chance),
    }
    if chance.happens(0.15):
        return made | _replicant(made, chance)
    if chance.happens(0.01):
        return made | _everything(metric)
    return made


def _disaggregations(kind: str, metric: Metric, chance: Chance) -> list[str]:
    finest = metric.results.dimensions[-1]
    if kind == "map":
        return [chance.choice(("admin_area_2", finest))]
    if kind == "timeseries":
        period = chance.choices(("period_id", "quarter_id", "year"), (6, 2, 1))[0]
        return [period, chance.choice(metric.results.dimensions)]
    return chance.sample(metric.results.dimensions, chance.randint(1, 2))


def _filters(chance: Chance) -> list[dict[str, Any]]:
    chosen = chance.sample(list(COMMON_INDICATORS), chance.randint(1, 6))
    filters = [{"dimension": "indicator_id", "values": chosen}]
    if chance.happens(0.4):
        regions = chance.sample(REGIONS, chance.randint(1, 4))
        filters.append({"dimension": "admin_area_2", "values": regions})
    return filters


def _period(chance: Chance) -> dict[str, int]:
    if chance.happens(0.02):
        return {"from": 201901, "to": 201912}  # before there was any data
    if chance.happens(0.7):
        return {"latestMonths": chance.choice((3, 6, 12, 24, 36))}
    first = chance.choice((2022, 2023)) * 100 + chance.randint(1, 12)
    return {"from": first, "to": 202412}


def _replicant(made: dict[str, Any], chance: Chance) -> dict[str, Any]:
    """A config that can be repeated for many values. It shows one of them."""
    return {
        "replicateBy": "admin_area_2",
        "selectedReplicant": chance.choice(REGIONS),
        "disaggregateBy": [name for name in made["disaggregateBy"] if name != "admin_area_2"],
        "filters": made["filters"][:1],
    }


def _everything(metric: Metric) -> dict[str, Any]:
    """A config that asks for more than can be shown, as users sometimes do."""
    return {"disaggregateBy": [*metric.results.dimensions, "period_id"], "filters": []}


def _style(chance: Chance) -> dict[str, Any]:
    return {
        "palette": chance.choice(PALETTES),
        "decimals": chance.randint(0, 2),
        "showLegend": chance.happens(0.7),
        "caption": f"Figure {chance.randint(1, 999)}",
    }
