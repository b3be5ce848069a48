"""The settings of PostgreSQL that an operator may declare, and which values each may have. Pure.

They are the few that a fleet needs. What belongs to wb, such as the port, is not among them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from wb_cli.instances.suggestions import suggest
from wb_cli.instances.texts import shorten
from wb_cli.instances.values import MemberError

KIB, MIB, GIB, TIB = 1, 1024, 1024**2, 1024**3
SIZE_UNITS = {"kB": KIB, "MB": MIB, "GB": GIB, "TB": TIB}
TIME_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
UNIT_LETTERS = {"k": "kB", "m": "MB", "g": "GB", "t": "TB"}
QUANTITY = re.compile(r"(-?\d{1,10})\s*([a-zA-Z]*)", re.ASCII)
SWITCHES = {True: "on", "on": "on", "true": "on", False: "off", "off": "off", "false": "off"}


class PostgresSetting(Struct, frozen=True):
    """One setting: its name, the function that checks a value, and the values it may have."""

    name: str
    parse: Callable[[Any], str]
    allowed: str


def _size(name: str, least: str, most: str = "2047GB") -> PostgresSetting:
    low, high = (_count(text, SIZE_UNITS) or 0 for text in (least, most))
    allowed = f"a size from {least} to {most}, with its unit, such as 512MB"

    def parse(value: Any) -> str:
        return _read_quantity(value, SIZE_UNITS, (low, high), allowed)

    return PostgresSetting(name, parse, allowed)


def _time(
    name: str, least: str = "0", most: str = "24d", example: str = "30s", note: str = ""
) -> PostgresSetting:
    low, high = (_count(text, TIME_UNITS) or 0 for text in (least, most))
    allowed = f"a time from {least} to {most}, with its unit, such as {example}{note}"

    def parse(value: Any) -> str:
        return _read_quantity(value, TIME_UNITS, (low, high), allowed)

    return PostgresSetting(name, parse, allowed)


def _number(name: str, least: int, most: int) -> PostgresSetting:
    allowed = f"a whole number from {least} to {most}"

    def parse(value: Any) -> str:
        text = str(value).strip()
        is_whole = not isinstance(value, bool | float) and re.fullmatch(r"\d{1,10}", text, re.ASCII)
        if not is_whole or not least <= int(text) <= most:
            raise ValueError(allowed)
        return str(int(text))

    return PostgresSetting(name, parse, allowed)


def _fraction(name: str, most: float) -> PostgresSetting:
    allowed = f"a number from 0 to {most:g}"

    def parse(value: Any) -> str:
        text = str(value).strip()
        is_number = re.fullmatch(r"\d{1,10}(\.\d{1,10})?", text, re.ASCII)
        if isinstance(value, bool) or not is_number or float(text) > most:
            raise ValueError(allowed)
        return text

    return PostgresSetting(name, parse, allowed)


def _switch(name: str) -> PostgresSetting:
    def parse(value: Any) -> str:
        given = value.lower() if isinstance(value, str) else value
        if not isinstance(given, str | bool) or given not in SWITCHES:
            raise ValueError("on or off")
        return SWITCHES[given]

    return PostgresSetting(name, parse, "on or off")


def parse_postgres_settings(value: Any) -> dict[str, str]:
    """Check settings of PostgreSQL, by name, and give each in PostgreSQL's own form.

    Raises:
        ValueError: these are no settings. The text says what is allowed.
        MemberError: a name is not known, or a value is not allowed.
    """
    if not isinstance(value, Mapping):
        raise ValueError('an object of names and values, such as {"work_mem": "16MB"}')  # noqa: TRY004
    return {name: parse_one(name, given) for name, given in value.items()}


def parse_one(name: str, value: Any) -> str:
    """Check one setting of PostgreSQL. Raises ``MemberError`` with its name, value and remedy."""
    setting = SETTINGS_BY_NAME.get(str(name))
    if setting is None:
        known = f"Known are: {', '.join(SETTINGS_BY_NAME)}."
        hint = suggest(str(name), SETTINGS_BY_NAME, known)
        raise MemberError(f"{name} is no setting of PostgreSQL that wb knows. {hint}")
    try:
        return setting.parse(value)
    except ValueError as error:
        raise MemberError(f"{name} {shorten(value)} must be {error}") from None


def make_flags(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Make the command of PostgreSQL's container; empty, the image's own, without settings."""
    flags = tuple(word for name in sorted(settings) for word in ("-c", f"{name}={settings[name]}"))
    return ("postgres", *flags) if flags else ()


def count_bytes(size: str) -> int:
    """Count the bytes of a size in PostgreSQL's form, such as ``128MB``."""
    return (_count(size, SIZE_UNITS) or 0) * 1024


def _read_quantity(
    value: Any, units: Mapping[str, int], limits: tuple[int, int], allowed: str
) -> str:
    """Read a number with its unit. Without one PostgreSQL would take units of its own, as 8 kB."""
    count = _count(value, units)
    least, most = limits
    if count is None or not least <= count <= most:
        raise ValueError(allowed)
    number, unit = _split(value)
    return f"{number}{_find_unit(unit, units) or ''}"


def _count(value: Any, units: Mapping[str, int]) -> int | None:
    """Count the smallest units in a quantity; ``None`` if it is none. 0 and -1 need no unit."""
    number, word = _split(value)
    if number is None:
        return None
    if not word:
        return number if number in {0, -1} else None
    unit = _find_unit(word, units)
    return None if unit is None or number < 0 else number * units[unit]


def _split(value: Any) -> tuple[int | None, str]:
    is_text = isinstance(value, str | int) and not isinstance(value, bool)
    match = QUANTITY.fullmatch(str(value).strip()) if is_text else None
    return (int(match[1]), match[2]) if match else (None, "")


def _find_unit(word: str, units: Mapping[str, int]) -> str | None:
    """Find a unit in PostgreSQL's spelling: ``mb`` and ``m`` are its ``MB``."""
    letter = re.fullmatch(r"([kmgt])(i?b)?", word.lower())
    if letter and "kB" in units:
        return UNIT_LETTERS[letter[1]]
    return word.lower() if word.lower() in units else None


SETTINGS = (
    _size("shared_buffers", "128kB", "1TB"),
    _size("work_mem", "64kB"),
    _size("maintenance_work_mem", "1MB"),
    _size("effective_cache_size", "8kB", "15TB"),
    _size("temp_buffers", "800kB", "1TB"),
    _size("max_slot_wal_keep_size", "64MB", "1TB"),
    _size("max_wal_size", "32MB", "1TB"),
    _size("min_wal_size", "32MB", "1TB"),
    _number("max_connections", 10, 10_000),
    _number("max_worker_processes", 0, 1024),
    _number("max_parallel_workers", 0, 1024),
    _number("max_parallel_workers_per_gather", 0, 1024),
    _number("effective_io_concurrency", 0, 1000),
    _fraction("random_page_cost", 1000),
    _fraction("checkpoint_completion_target", 1),
    _time("checkpoint_timeout", "30s", "1d", "15min"),
    _time("statement_timeout", note=" (0: no limit)"),
    _time("lock_timeout", note=" (0: no limit)"),
    _time("idle_in_transaction_session_timeout", note=" (0: no limit)"),
    _time("log_min_duration_statement", "-1", note=" (-1: none, 0: all)"),
    _switch("log_lock_waits"),
    _switch("jit"),
    _number("autovacuum_max_workers", 1, 100),
    _time("autovacuum_naptime", "1s", "7d", "30s"),
    _fraction("autovacuum_vacuum_scale_factor", 100),
    _fraction("autovacuum_analyze_scale_factor", 100),
)
SETTINGS_BY_NAME = {setting.name: setting for setting in SETTINGS}
