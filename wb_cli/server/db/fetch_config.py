"""What an object fetches: the part of its config that decides its items, and that part's hash.

Requests and the warm-up both derive it here, so that objects which differ in style alone share
their items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from reprlib import Repr
from typing import Any, Self

import orjson

from wb_cli.errors import UsageError

LAST_MONTH = 999_912
VALUE_FUNCS = ("sum", "avg", "min", "max", "count")

# A config may hold anything of any size; a message shows the beginning of it.
SHORTENED = Repr()
SHORTENED.maxstring = SHORTENED.maxother = SHORTENED.maxlong = 80


# What reading JSON of another shape than expected raises.
MALFORMED = (KeyError, TypeError, AttributeError)


class InvalidConfigError(UsageError):
    """A config or fetch config that says something impossible."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Only rows whose dimension has one of these values."""

    dimension: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FetchConfig:
    """Which values, aggregated how, by which dimensions, over which rows.

    Normalised at construction: equal requests have equal hashes, in whatever order they were put.
    """

    values: tuple[str, ...]
    value_func: str
    group_by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    first_period: int | None = None
    last_period: int | None = None
    latest_months: int | None = None
    _hash: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check()
        filters = {each.dimension: tuple(sorted(set(each.values))) for each in self.filters}
        normal = tuple(Filter(name, filters[name]) for name in sorted(filters))
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))
        object.__setattr__(self, "group_by", tuple(sorted(set(self.group_by))))
        object.__setattr__(self, "filters", normal)
        encoded = orjson.dumps(self.to_json(), option=orjson.OPT_SORT_KEYS)
        object.__setattr__(self, "_hash", sha256(encoded).hexdigest()[:32])

    @property
    def hash(self) -> str:
        """Stable over processes and releases; part of the uniqueness hash of items."""
        return self._hash

    def filtered(self, dimension: str, value: str) -> "FetchConfig":
        """The same, for one value of one dimension (a replicant)."""
        return replace(self, filters=(*self.filters, Filter(dimension, (value,))))

    def without_filter(self, dimension: str) -> "FetchConfig":
        """The same over every value of one dimension."""
        others = tuple(each for each in self.filters if each.dimension != dimension)
        return replace(self, filters=others)

    def to_json(self) -> dict[str, Any]:
        """The form that requests and answers carry."""
        return {
            "values": list(self.values),
            "valueFunc": self.value_func,
            "groupBy": list(self.group_by),
            "filters": [{"dimension": f.dimension, "values": list(f.values)} for f in self.filters],
            "firstPeriod": self.first_period,
            "lastPeriod": self.last_period,
            "latestMonths": self.latest_months,
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """The fetch config that a request names.

        Raises:
            InvalidConfigError: a field is missing or of the wrong kind.
        """
        try:
            return cls(
                values=_words(given["values"]),
                value_func=given["valueFunc"],
                group_by=_words(given.get("groupBy", ())),
                filters=_filters(given.get("filters", ())),
                first_period=_number(given.get("firstPeriod")),
                last_period=_number(given.get("lastPeriod")),
                latest_months=_number(given.get("latestMonths")),
            )
        except MALFORMED as error:
            raise InvalidConfigError(f"not a fetch config: {error!r}") from error

    def _check(self) -> None:
        if not self.values:
            raise InvalidConfigError("a fetch config needs at least one value")
        if self.value_func not in VALUE_FUNCS:
            raise InvalidConfigError(
                f"unknown value function: {self.value_func!r}", f"one of {', '.join(VALUE_FUNCS)}"
            )
        if self.latest_months is not None and self.latest_months < 1:
            raise InvalidConfigError(f"latestMonths must be at least 1, not {self.latest_months}")


def fetch_config(config: Any, value_props: Sequence[str], value_func: str) -> FetchConfig:
    """What an object with this config fetches from its metric. Pure.

    Args:
        config: the object's config; what concerns its looks alone is ignored.
        value_props: the metric's value columns, of which the config may choose some.
        value_func: how the metric's values are aggregated.

    Raises:
        InvalidConfigError: the config cannot be one.
    """
    if not isinstance(config, dict):
        raise InvalidConfigError(f"not an object's config: {SHORTENED.repr(config)}")
    try:
        period = config.get("period") or {}
        replicant = config.get("selectedReplicant")
        by = config.get("replicateBy")
        shown_by = [by] if by and replicant is None else []
        derived = FetchConfig(
            values=_words(config.get("values") or value_props),
            value_func=value_func,
            group_by=_words(config.get("disaggregateBy", ())) + _words(shown_by),
            filters=_filters(config.get("filters", ())),
            first_period=_number(period.get("from")),
            last_period=_number(period.get("to")),
            latest_months=_number(period.get("latestMonths")),
        )
        if by and replicant is not None:
            return derived.filtered(_word(by), _word(replicant))
    except MALFORMED as error:
        raise InvalidConfigError(f"not an object's config: {error!r}") from error
    return derived


def _words(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple):
        raise TypeError(f"expected a list of strings, not {SHORTENED.repr(given)}")
    for word in given:
        # PostgreSQL's text cannot hold a zero byte.
        if not isinstance(word, str) or "\0" in word:
            raise TypeError(f"expected a string, not {SHORTENED.repr(word)}")
    return tuple(given)


def _number(given: Any) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= LAST_MONTH:
        shown = SHORTENED.repr(given)
        raise TypeError(f"expected a whole number from 0 to {LAST_MONTH}, not {shown}")
    return given


def _filters(given: Any) -> tuple[Filter, ...]:
    filters = tuple(Filter(_word(each["dimension"]), _words(each["values"])) for each in given)
    if len({each.dimension for each in filters}) < len(filters):
        raise InvalidConfigError("two filters on one dimension")
    return filters


def _word(given: Any) -> str:
    return _words([given])[0]
