"""Data as text of an nginx configuration: no value becomes a directive."""

import re
from collections.abc import Iterable

from wb_cli.errors import WbError

PLAIN = re.compile(r"[\w./:-]+", re.ASCII)
HARMLESS = re.compile(r"[^A-Za-z0-9 .,-]")
SIZE_UNITS = (("g", 1024**3), ("m", 1024**2), ("k", 1024))


def quote(value: str) -> str:
    """Write a value as one word of a directive.

    Raises:
        WbError: the value has a ``$``, which nginx cannot be told to take as it is, or a control
            character.
    """
    if PLAIN.fullmatch(value):
        return value
    if "$" in value or not value.isprintable():
        raise WbError(
            f"{value!r} cannot stand in a file of nginx: it has a `$` or a control character",
            "Set another path.",
        )
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def as_comment(value: str) -> str:
    """Write a value for a comment, which ends at the end of its line."""
    return "".join(sign if sign.isprintable() else " " for sign in value)


def as_html(value: str) -> str:
    """Write a value for a page within an nginx string: signs become numbers, as in ``&#36;``."""
    return HARMLESS.sub(lambda match: f"&#{ord(match[0])};", value)


def shorten_size(count: int) -> str:
    """Write a number of bytes in the largest unit that it is a multiple of: ``256m``."""
    for unit, size in SIZE_UNITS:
        if count % size == 0:
            return f"{count // size}{unit}"
    return str(count)


def indent(lines: Iterable[str]) -> list[str]:
    """Indent the lines of a block."""
    return [f"    {line}" if line else "" for line in lines]
