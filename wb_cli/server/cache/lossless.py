"""Encode data as JSON without loss. A value that JSON would change is refused, with its place.

A value must be the same before and after a restart. orjson alone does not see to that: it writes
NaN as null, a tuple as a list, an Enum as its value, and a UUID as a string.
"""

import math
from collections.abc import Iterator
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
# A longer list is encoded and checked in pieces of so many values. No other thread runs meanwhile,
# so a piece must be short: 2,000 rows of five columns take about a millisecond.
PIECE = 2_000


class UnfaithfulValueError(TypeError):
    """JSON would change this value or cannot hold it. Says where the value is and what it is."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"JSON does not carry this faithfully: {path} is {what}")
        self.path = path
        self.what = what


def to_json(data: Any) -> bytes:
    """Encode, or raise `UnfaithfulValueError`. :func:`check` must see the result as well."""
    try:
        return b"".join(_pieces(data)) if is_large(data) else _dump(data)
    except orjson.JSONEncodeError as error:
        raise offence(data) or UnfaithfulValueError("$", f"refused ({error})") from error


def is_large(data: Any) -> bool:
    """Whether it is a long list, or holds one by a key. Encode it in a thread."""
    if type(data) is dict and set(map(type, data)) == {str}:
        return any(map(_is_long, data.values()))
    return _is_long(data)


def _is_long(value: Any) -> bool:
    return type(value) is list and len(value) > PIECE


def _pieces(data: Any) -> Iterator[bytes]:
    if type(data) is list:
        yield from _pieces_of_list(data)
        return
    between = b"{"
    for key, value in data.items():
        yield between + _dump(key) + b":"
        if _is_long(value):
            yield from _pieces_of_list(value)
        else:
            yield _dump(value)
        between = b","
    yield b"}"


def _pieces_of_list(values: list[Any]) -> Iterator[bytes]:
    between = b"["
    for start in range(0, len(values), PIECE):
        yield between
        yield _dump(values[start : start + PIECE])[1:-1]
        between = b","
    yield b"]"


def _dump(data: Any) -> bytes:
    return orjson.dumps(data, option=OPTIONS)


def check(data: Any, encoded: bytes) -> None:
    """Refuse data that :func:`to_json` changed. Looks at one level of containers at a time."""
    may_hide_nan = b"null" in encoded
    generation: list[Any] = [[data]]
    while generation:
        deeper: list[Any] = []
        for start in range(0, len(generation), PIECE):
            piece = generation[start : start + PIECE]
            values = list(chain.from_iterable(map(children, piece)))
            kinds = set(map(type, values))
            if not kinds <= CARRIED or (may_hide_nan and float in kinds and has_nan(values)):
                raise offence(data) or UnfaithfulValueError("$", "a value that changed meanwhile")
            if kinds & CONTAINERS:
                deeper += [value for value in values if type(value) in CONTAINERS]
        generation = deeper


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
