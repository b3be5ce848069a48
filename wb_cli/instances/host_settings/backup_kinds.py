"""The kinds of settings that only backups have."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wb_cli.contract import ASSETS, SANDBOX
from wb_cli.instances import values
from wb_cli.instances.host_settings.kinds import (
    Kind,
    ignoring_base,
    list_to_text,
    number_to_text,
    parse_path,
    string_to_text,
)
from wb_cli.instances.registry_file.field_rules import read_flag

ELSEWHERE = re.compile(r"[a-z0-9]+:")
ADDRESS = re.compile(r"(s3|rest|sftp):[^\s,'\"]+")
PASSWORD = re.compile(r"[a-z0-9]+:(?:[a-z]+:)?//[^/@]*:[^/@]*@|[a-z]+:[^/:@]+:[^/@]+@")
SMALLEST_RATE, LARGEST_RATE = 32 * values.KIB, values.KIB**3


def parse_repository(text: str, base: Path) -> str:
    """Parse where backups are: a folder, or an address as restic has it."""
    text = text.strip()
    if not ELSEWHERE.match(text):
        return str(parse_path(text, base))
    if not ADDRESS.fullmatch(text):
        raise ValueError(
            "a folder, or an address such as s3:https://host/bucket, rest:... or sftp:..."
        )
    if PASSWORD.match(text):
        raise ValueError("an address without a password; RESTIC_REST_PASSWORD gives that of rest:")
    return text


def _parse_repositories(text: str, base: Path) -> tuple[str, ...]:
    words = re.split(r"[\s,]+", text.strip())
    return tuple(dict.fromkeys(parse_repository(word, base) for word in words if word))


def _parse_flag(text: str) -> bool:
    flag = read_flag(text.strip())
    if not isinstance(flag, bool):
        raise ValueError("yes or no")  # noqa: TRY004  (callers catch one type of exception)
    return flag


def _flag_to_text(value: Any) -> str:
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004
    return str(value).lower()


def _parse_words_of(*allowed: str) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        words = tuple(dict.fromkeys(re.split(r"[\s,]+", text.strip())))
        if not set(words) <= set(allowed):
            raise ValueError(f"words of {', '.join(allowed)}, or nothing")
        return words

    return parse


def _parse_rate(text: str) -> int:
    match = values.SIZE.fullmatch(text.strip().removesuffix("/s"))
    rate = int(match[1]) * values.SIZE_UNITS[match[2].lower()] if match else -1
    if rate and not SMALLEST_RATE <= rate <= LARGEST_RATE:
        raise ValueError("a size per second from 32k to 1g, such as 2m, or 0 for no limit")
    return rate


def _words_to_toml(text: str) -> list[str]:
    return re.split(r"[\s,]+", text.strip())


REPOSITORY = Kind(parse_repository, string_to_text)
REPOSITORIES = Kind(_parse_repositories, list_to_text, _words_to_toml)
FLAG = Kind(ignoring_base(_parse_flag), _flag_to_text, _parse_flag)
FOLDERS = Kind(ignoring_base(_parse_words_of(ASSETS, SANDBOX)), list_to_text, _words_to_toml)
RATE = Kind(ignoring_base(_parse_rate), number_to_text, is_size=True)
PRIORITY = Kind(ignoring_base(values.parse_one_of("normal", "low", "idle")), string_to_text)
