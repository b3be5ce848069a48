"""Show values and entries in messages."""

import json
from typing import Any

SHOWN_LENGTH = 60


def shorten(value: Any) -> str:
    """Show a value as JSON, cut where it is long. Characters that cannot be printed are escaped."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except RecursionError:
        return "(a value nested too deeply to show)"
    text = text[: SHOWN_LENGTH + 1]
    if not text.isprintable():
        text = ascii(text)[1:-1]
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"


def to_json(value: Any) -> str:
    """Show a value as JSON, in full."""
    return json.dumps(value, ensure_ascii=False)


def describe_place(index: int, raw: Any, line: int) -> str:
    """Name an entry and its place: its line in the file, or else its number, and its name."""
    where = f"line {line}" if line else f"entry {index + 1}"
    return f"{where} ({name_entry(raw)})"


def name_entry(raw: Any) -> str:
    """Name an entry in a message. Even a broken entry gets a name."""
    given = raw.get("id") if isinstance(raw, dict) else None
    is_name = isinstance(given, str) and given.isprintable() and 0 < len(given) <= SHOWN_LENGTH
    return str(given) if is_name else "an entry"
