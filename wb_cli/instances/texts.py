"""Values and entries as messages show them."""

import json
from typing import Any

SHOWN_LENGTH = 60


def shorten(value: Any) -> str:
    """A value as JSON has it, cut where it is long; what cannot be printed is escaped."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except RecursionError:
        return "(a value nested too deeply to show)"
    text = text[: SHOWN_LENGTH + 1]
    if not text.isprintable():
        text = ascii(text)[1:-1]
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"


def place(index: int, raw: Any, line: int) -> str:
    """What to call an entry, and where it is: its number, its name, and its line in the file."""
    where = f", line {line}" if line else ""
    return f"entry {index + 1} ({entry_name(raw)}){where}"


def entry_name(raw: Any) -> str:
    """What to call an entry in a message, however broken it is."""
    given = raw.get("id") if isinstance(raw, dict) else None
    is_name = isinstance(given, str) and given.isprintable() and 0 < len(given) <= SHOWN_LENGTH
    return str(given) if is_name else "an entry"
