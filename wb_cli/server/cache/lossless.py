"""Encode data as JSON without loss. A value that JSON would change is refused, with its place.

A value must be the same before and after a restart. orjson alone does not see to that: it writes
NaN as null, a tuple as a list, an Enum as its value, and a UUID as a string.
"""

import math
from itertools import chain
from typing import Any

import orjson

SCALARS = frozenset({str, int, float, bool, type(None)})
CONTAINERS = frozenset({dict, list})
CARRIED = SCALARS | CONTAINERS

# Let orjson refuse as much as it can.
OPTIONS = (
    orjson.OPT_STRICT_INTEGER  # 53 bits, all that a browser can hold
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
MAX_INTEGER = 2**53 - 1
MAX_PATH = 20_000  # letters


class UnfaithfulValueError(TypeError):
    """JSON would change this value or cannot hold it. Says where the value is and what it is."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"JSON does not carry this faithfully: {path} is {what}")
        self.path = path
        self.what = what


def to_json(data: Any) -> bytes:
    """Encode, or raise `UnfaithfulValueError`. :func:`check` must see the result as well."""
    try:
        return orjson.dumps(data, option=OPTIONS)
    except orjson.JSONEncodeError as error:
        raise offence(data) or UnfaithfulValueError("$", f"refused ({error})") from error


def check(data: Any, encoded: bytes) -> None:
    """Refuse data that :func:`to_json` changed. Looks at one level of containers at a time."""
    may_hide_nan = b"null" in encoded
    generation = [[data]]
    while generation:
        values = list(chain.from_iterable(map(children, generation)))
        kinds = set(map(type, values))
        if not kinds <= CARRIED or (may_hide_nan and float in kinds and has_nan(values)):
            raise offence(data) or UnfaithfulValueError("$", "a value that changed meanwhile")
        generation = [v for v in values if type(v) in CONTAINERS] if kinds & CONTAINERS else []


def children(container: Any) -> Any:
    """The values in a dict or list."""
    return container.values() if type(container) is dict else container


def has_nan(values: list[Any]) -> bool:
    """Whether a value is NaN or infinite, which JSON cannot write."""
    return not all(math.isfinite(value) for value in values if type(value) is float)


def offence(data: Any) -> UnfaithfulValueError | None:
    """The first value in the data that JSON cannot carry, depth first."""
    stack = [("$", data)]
    while stack:
        path, value = stack.pop()
        what = describe(value)
        if what is not None:
            return UnfaithfulValueError(path, what)
        if type(value) is dict:
            odd = next((key for key in value if not is_key(key)), None)
            if odd is not None:
                return UnfaithfulValueError(path, f"a dict with the key {odd!r}")
            stack += [(f"{path}.{key}", child) for key, child in reversed(value.items())]
        elif type(value) is list:
            stack += [(f"{path}[{i}]", child) for i, child in reversed(list(enumerate(value)))]
        if len(path) > MAX_PATH:  # it holds itself, or is nested too deeply for JSON readers
            return UnfaithfulValueError(path[:80] + "...", "nested too deeply")
    return None


def is_key(key: Any) -> bool:
    """Whether JSON can have it as an object's key."""
    return type(key) is str and is_text(key)


def is_text(text: str) -> bool:
    """Whether it is valid Unicode, without half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def describe(value: Any) -> str | None:
    """What is wrong with a value, apart from the values in it; None if nothing is."""
    kind = type(value)
    if kind not in CARRIED:
        return f"of type {kind.__name__}"
    if kind is float and not math.isfinite(value):
        return str(value)
    if kind is int and not -MAX_INTEGER <= value <= MAX_INTEGER:
        return f"the integer {value}, past 53 bits"
    if kind is str and not is_text(value):
        return "a string with a lone surrogate"
    return None
