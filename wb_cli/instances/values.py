"""Parse the values that the registry file and the settings share: sizes, addresses, images, names.

Each function takes the given value and returns it in its final form. Otherwise it raises
``ValueError``, whose text says what is allowed and follows the words "must be".
"""

import re
from collections.abc import Mapping
from typing import Any

KIB = 1024
SIZE_UNITS = {"": 1, "b": 1, "k": KIB, "m": KIB**2, "g": KIB**3, "t": KIB**4}
SIZE = re.compile(r"(\d{1,15})\s*([kmgt]?)i?b?", re.IGNORECASE | re.ASCII)
SMALLEST_SIZE = 6 * KIB**2  # below it the engine refuses a memory limit
SIZE_ALLOWED = 'a size of at least 6m, such as "512m", "2g", or a whole number of bytes'

TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_NAME = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_LABEL = r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
IMAGE = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*(?::\d{{1,5}})?/)?{_NAME}(?:/{_NAME})*(?::{TAG.pattern})?"
    r"(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
ENV_NAME = re.compile(r"[^\s=\0]+")


class MemberError(ValueError):
    """A member of a value is not allowed. The text names it, and says which values are."""


def parse_size(value: Any) -> int:
    """Parse a number of bytes: ``2g``, ``"512m"``, ``1073741824``."""
    match = SIZE.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
    if match is None or not isinstance(value, int | str):
        raise ValueError(SIZE_ALLOWED)
    result = int(match[1]) * SIZE_UNITS[match[2].lower()]
    if result < SMALLEST_SIZE:
        raise ValueError(SIZE_ALLOWED)
    return result


def write_size(size: int) -> str:
    """Write a number of bytes as an operator would, if that is exact: ``2g``, ``512m``."""
    units = {unit: factor for unit, factor in SIZE_UNITS.items() if unit and unit in "kmg"}
    for unit, factor in sorted(units.items(), key=lambda item: -item[1]):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def parse_address(value: Any) -> str:
    """Parse an IP address to publish a port on."""
    allowed = "an IP address, such as 127.0.0.1 (this host alone) or 0.0.0.0 (everyone)"
    if not isinstance(value, str):
        raise ValueError(allowed)  # noqa: TRY004  (callers catch one type of exception)
    if (address := _read_address(value)) is None:
        raise ValueError(allowed)
    return address


def parse_upstream(value: Any) -> str:
    """Parse the IP address of one machine, at which nginx reaches a platform.

    A name would not do: nginx does not start while it cannot resolve one.
    """
    import ipaddress

    address = _read_address(value) if isinstance(value, str) else None
    found = ipaddress.ip_address(address) if address else None
    if not address or not found or found.is_unspecified or found.is_multicast:
        raise ValueError("the IP address of a machine, such as 10.0.0.5, and no name")
    return address


def _read_address(text: str) -> str | None:
    """Read an IP address. The name of an interface after a ``%`` may be any text, so none may."""
    import ipaddress

    try:
        return None if "%" in text else str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None


def parse_image(value: Any) -> str:
    """Parse an image reference, with or without image registry, tag and digest."""
    if not isinstance(value, str) or not IMAGE.fullmatch(value):
        raise ValueError("an image reference, such as postgres:17.4 or registry.org/team/app:1.2")
    return value


def parse_version(value: Any) -> str:
    """Parse a version, which becomes part of an image's tag."""
    if not isinstance(value, str) or not TAG.fullmatch(value):
        raise ValueError('a string of letters, digits, ".", "_" and "-", such as "1.6.7"')
    return value


def parse_line(value: Any) -> str:
    """Parse a line of text that is not empty."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("a line of text, not empty and without control characters")
    return value


def parse_flag(value: Any) -> bool:
    """Parse true or false. A text such as "true" is refused."""
    if not isinstance(value, bool):
        quotes = ", without quotes" if value in ("true", "false") else ""
        raise ValueError(f"true or false{quotes}")  # noqa: TRY004
    return value


def parse_cpus(value: Any) -> float:
    """Parse the number of processors that a container may use."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0.01 <= value <= 1024:  # noqa: PLR2004  (0.01 is the engine's least)
        raise ValueError("a number of processors from 0.01 to 1024, such as 1.5")
    return float(value)


def parse_environment(value: Any) -> dict[str, str]:
    """Parse environment variables: an object of names and strings."""
    allowed = 'an object of names and strings, such as {"ISO_COUNTRY_CODE": "ML"}'
    if not isinstance(value, Mapping):
        raise ValueError(allowed)  # noqa: TRY004
    for name, text in value.items():
        if not isinstance(name, str) or not ENV_NAME.fullmatch(name):
            raise ValueError(f"{allowed}; {name!r} cannot be a name")
        if not isinstance(text, str):
            raise ValueError(f"{allowed}; the value of {name} is not a string")  # noqa: TRY004
        if "\0" in text:
            raise ValueError(f"{allowed}; the value of {name} holds a NUL character")
    return dict(value)


def parse_one_of(*choices: str) -> Any:
    """Make a function that accepts only these words."""

    def choose(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(" or ".join(f'"{choice}"' for choice in choices))
        return value

    return choose
