"""What an object fetches: the part of its config that decides its items, and its hash.

Requests and the warm-up both derive it here. Objects that differ in style alone share their items.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from reprlib import Repr
from typing import Annotated, Any

import msgspec
import orjson
from msgspec.structs import force_setattr, replace

from wb_cli.errors import UsageError

LAST_MONTH = 999_912
VALUE_FUNCS = ("sum", "avg", "min", "max", "count")

# A config may hold anything, of any size. A message shows its beginning.
SHORTENED = Repr()
SHORTENED.maxstring = SHORTENED.maxother = SHORTENED.maxlong = 80

# PostgreSQL's text holds neither a zero byte nor half of a surrogate pair.
Text = Annotated[str, msgspec.Meta(pattern=r"\A[^\0\ud800-\udfff]*\Z")]
Texts = tuple[Text, ...]
Month = Annotated[int, msgspec.Meta(ge=0, le=LAST_MONTH)]
STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


class InvalidConfigError(UsageError):
    """A config or fetch config that cannot be right."""


class Filter(msgspec.Struct, frozen=True):
    """Only rows whose dimension has one of these values."""

    dimension: Text
    values: Texts


class Period(msgspec.Struct, frozen=True, rename={"first": "from", "last": "to"}):
    """The months of an object's config."""

    first: Month | None = None
    last: Month | None = None
    latest_months: Annotated[int, msgspec.Meta(ge=1, le=LAST_MONTH)] | None = msgspec.field(
        default=None, name="latestMonths"
    )


class ObjectConfig(msgspec.Struct, frozen=True, rename="camel"):
    """The part of an object's config that decides what it fetches."""

    values: Texts
    disaggregate_by: Texts = ()
    filters: tuple[Filter, ...] = ()
    period: Period = Period()
    replicate_by: Text | None = None
    selected_replicant: Text | None = None


class FetchConfig(msgspec.Struct, frozen=True):
    """Which values, aggregated how, by which dimensions, over which rows.

    It is normalised at construction, so that requests in another order have the same hash.
    """

    values: tuple[str, ...]
    value_func: str
    group_by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    first_period: int | None = None
    last_period: int | None = None
    latest_months: int | None = None

    def __post_init__(self) -> None:
        if not self.values:
            raise InvalidConfigError("a fetch config needs at least one value")
        if self.value_func not in VALUE_FUNCS:
            raise InvalidConfigError(
                f"unknown value function: {self.value_func!r}", f"one of {', '.join(VALUE_FUNCS)}"
            )
        filters = {part.dimension: _distinct(part.values) for part in self.filters}
        normal = tuple(Filter(name, filters[name]) for name in sorted(filters))
        force_setattr(self, "values", _distinct(self.values))
        force_setattr(self, "group_by", _distinct(self.group_by))
        force_setattr(self, "filters", normal)

    @property
    def hash(self) -> str:
        """The same in every process and release. It is part of the uniqueness hash of items."""
        encoded = orjson.dumps(self.to_json(), option=orjson.OPT_SORT_KEYS)
        return sha256(encoded).hexdigest()[:32]

    def filtered(self, dimension: str, value: str) -> "FetchConfig":
        """The same, for one value of one dimension (a replicant)."""
        return replace(self, filters=(*self.filters, Filter(dimension, (value,))))

    def without_filter(self, dimension: str) -> "FetchConfig":
        """The same over every value of one dimension."""
        others = tuple(part for part in self.filters if part.dimension != dimension)
        return replace(self, filters=others)

    def to_json(self) -> dict[str, Any]:
        """The form that answers carry."""
        return {
            "values": list(self.values),
            "valueFunc": self.value_func,
            "groupBy": list(self.group_by),
            "filters": [{"dimension": f.dimension, "values": list(f.values)} for f in self.filters],
            "firstPeriod": self.first_period,
            "lastPeriod": self.last_period,
            "latestMonths": self.latest_months,
        }


def fetch_config(config: Any, value_props: Sequence[str], value_func: str) -> FetchConfig:
    """What an object with this config fetches from its metric. Pure.

    Args:
        config: the object's config. The fields that decide only its style are ignored.
        value_props: the metric's value columns, of which the config may choose some.
        value_func: how the metric's values are aggregated.

    Raises:
        InvalidConfigError: the config cannot be one.
    """
    asked = _checked(config, value_props)
    by, replicant, period = asked.replicate_by, asked.selected_replicant, asked.period
    shown_by = (by,) if by and replicant is None else ()
    if len({part.dimension for part in asked.filters}) < len(asked.filters):
        raise InvalidConfigError("two filters on one dimension")
    derived = FetchConfig(
        values=asked.values,
        value_func=value_func,
        group_by=asked.disaggregate_by + shown_by,
        filters=asked.filters,
        first_period=period.first,
        last_period=period.last,
        latest_months=period.latest_months,
    )
    return derived.filtered(by, replicant) if by and replicant is not None else derived


def _checked(config: Any, value_props: Sequence[str]) -> ObjectConfig:
    """The fields that decide the items, checked. An empty field counts as left out."""
    if not isinstance(config, dict):
        raise InvalidConfigError(f"not an object's config: {SHORTENED.repr(config)}")
    names = ("disaggregateBy", "filters", "period", "replicateBy")
    given = {name: config[name] for name in names if config.get(name)}
    given["values"] = config.get("values") or value_props
    if "replicateBy" in given:
        given["selectedReplicant"] = config.get("selectedReplicant")
    try:
        return msgspec.convert(given, ObjectConfig)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), given) from error


def _invalid(problem: str, given: dict[str, Any]) -> InvalidConfigError:
    """Name the place, its value, and what is expected there."""
    expected, _, path = problem.removesuffix("`").rpartition(" - at `$.")
    if "matching regex" in expected:
        expected = "expected a text without zero bytes and halves of surrogate pairs"
    value: Any = given
    for name, position in STEP.findall(f".{path}"):
        value = value[name] if name else value[int(position)]
    return InvalidConfigError(
        f"not an object's config: {path} is {SHORTENED.repr(value)}: "
        f"{expected[:1].lower()}{expected[1:]}",
        "correct the object's config",
    )


def _distinct(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(texts)))
