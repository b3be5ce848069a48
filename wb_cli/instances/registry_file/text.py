"""Read and write the registry file's text: a JSON array whose entries keep their exact text."""

import json
from typing import Any, Never

from msgspec import Struct

from wb_cli.errors import UsageError, WbError

INDENT = "  "
SPACE = " \t\n\r"
REMEDY = (
    "Nothing was changed. Correct the file, or put a copy from your backups in its place; "
    "an absent file is an empty registry."
)


class Entry(Struct, frozen=True):
    """One element of the array: its value, its text, and a key that is in it twice.

    ``line`` is the line at which it begins in the file, 0 if it is not in a file yet.
    """

    value: Any
    text: str
    repeated_key: str | None = None
    line: int = 0

    @classmethod
    def of(cls, value: Any) -> "Entry":
        """Make an entry that is not in a file yet."""
        return cls(value, json.dumps(value, indent=len(INDENT), ensure_ascii=False))


def parse(content: bytes, where: str) -> list[Entry]:
    """Read the entries of a file's content. An error names ``where``, the line and the column."""
    text = _decode(content, where)
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _make_unreadable_error(
            where, f"line {error.lineno}, column {error.colno}: {_describe(error, text)}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise _make_unreadable_error(where, str(error)) from None
    if not isinstance(document, list):
        kind = {dict: "an object", str: "a string", type(None): "null"}.get(type(document))
        raise _make_unreadable_error(
            where, f"it holds {kind or 'a number or a word'}, not a list of objects"
        )
    return _cut(text)


def render(entries: list[Entry]) -> bytes:
    """Write the file's content: a block for each entry, with the entry's own text."""
    if not entries:
        return b"[]\n"
    blocks = (INDENT + entry.text for entry in entries)
    # A lone surrogate has no UTF-8 form; its JSON escape is the same text.
    return ("[\n" + ",\n".join(blocks) + "\n]\n").encode("utf-8", "backslashreplace")


def make_indented_entry(value: Any) -> Entry:
    """Make a new entry whose lines are indented as in the file."""
    entry = Entry.of(value)
    return Entry(value, entry.text.replace("\n", f"\n{INDENT}"))


def is_same(value: Any, other: Any) -> bool:
    """Whether two values are the same JSON. In JSON ``true`` differs from 1."""
    return json.dumps(value) == json.dumps(other)


def _decode(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _make_unreadable_error(
            where, f"line {line}: not UTF-8 (byte {error.start})"
        ) from None


def _describe(error: json.JSONDecodeError, text: str) -> str:
    if not text.strip():
        return "the file is empty"
    if error.pos >= len(text.rstrip()):
        return f"the file ends too early ({error.msg})"
    return error.msg


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _make_unreadable_error(where: str, why: str) -> WbError:
    return UsageError(f"cannot read the registry file {where}: {why}", REMEDY)


def _cut(text: str) -> list[Entry]:
    """Cut a valid array into its elements."""
    repeated: list[str] = []

    def note_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            names = [name for name, _ in pairs]
            repeated.append(next(name for name in names if names.count(name) > 1))
        return result

    decoder = json.JSONDecoder(object_pairs_hook=note_repetition)
    entries: list[Entry] = []
    position = _skip(text, text.index("[") + 1)
    line, counted = 1, 0
    while text[position] != "]":
        line, counted = line + text.count("\n", counted, position), position
        value, end = decoder.raw_decode(text, position)
        repeated_key = repeated[0] if repeated else None
        entries.append(Entry(value, text[position:end], repeated_key, line))
        repeated.clear()
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return entries


def _skip(text: str, position: int) -> int:
    while text[position] in SPACE:
        position += 1
    return position


def locate_fields(entry: Entry) -> dict[str, int]:
    """Find the line of the file on which each field of an entry stands, and each variable of it.

    A variable is named as on the command line: ``env.NAME``.
    """
    if not isinstance(entry.value, dict) or not entry.line:
        return {}
    places = _locate_keys(entry.text, 0)
    for field in ("env", "postgresSettings"):
        if isinstance(entry.value.get(field), dict):
            nested = _locate_keys(entry.text, places[field][1])
            places |= {f"{field}.{name}": place for name, place in nested.items()}
    return {
        name: entry.line + entry.text.count("\n", 0, start) for name, (start, _) in places.items()
    }


def _locate_keys(text: str, start: int) -> dict[str, tuple[int, int]]:
    """Find where each key of the object at ``start`` begins, and its value."""
    decoder = json.JSONDecoder()
    places: dict[str, tuple[int, int]] = {}
    position = _skip(text, start + 1)
    while text[position] != "}":
        key, end = decoder.raw_decode(text, position)
        value = _skip(text, _skip(text, end) + 1)
        places[key] = (position, value)
        position = _skip(text, decoder.raw_decode(text, value)[1])
        if text[position] == ",":
            position = _skip(text, position + 1)
    return places
