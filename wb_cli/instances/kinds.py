"""The kinds of settings. Each kind reads text and TOML, and writes TOML."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from wb_cli.instances import values
from wb_cli.instances.entries import split_words
from wb_cli.secret import Secret

DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
LABEL_KEY = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]*")
PREFIXES = range(16, 30)  # a /29 has room for the gateway and an instance's four containers


class Kind(Struct, frozen=True):
    """The functions that read and write the settings of one kind.

    ``parse`` takes text, and the folder from which relative paths start. ``to_text`` turns a TOML
    value into such text, and ``to_toml`` turns the text into a TOML value. All raise ``ValueError``
    that says which values are allowed.
    """

    parse: Callable[[str, Path], Any]
    to_text: Callable[[Any], str]
    to_toml: Callable[[str], Any] = str
    is_secret: bool = False


def _ignoring_base(check: Callable[[str], Any]) -> Callable[[str, Path], Any]:
    return lambda text, _base: check(text)


def _string_to_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a string, in quotes")  # noqa: TRY004
    return value


def _number_to_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("a whole number")  # noqa: TRY004
    return str(value)


def _list_to_text(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('a list of strings, such as ["postgres:17.4", "valkey/valkey:8"]')
    return ",".join(value)


def _table_to_text(value: Any) -> str:
    is_table = isinstance(value, Mapping)
    if not is_table or not all(isinstance(item, str) for item in value.values()):
        raise ValueError('a table of strings, such as {team = "data"}')
    return ",".join(f"{key}={item}" for key, item in value.items())


def _parse_path(text: str, base: Path) -> Path:
    if not text.isprintable() or not text.strip():
        raise ValueError("a path")
    try:
        return (base / Path(text).expanduser()).absolute()
    except RuntimeError:
        raise ValueError("a path; there is no such user") from None
    except OSError:
        raise ValueError("an absolute path, as the current folder is gone") from None


def _parse_domain(text: str) -> str:
    name = text.strip().rstrip(".").lower()
    if not DOMAIN.fullmatch(name):
        raise ValueError("a domain name without scheme, port and path, such as example.org")
    return name


def _parse_images(text: str) -> tuple[str, ...]:
    return tuple(values.parse_image(word) for word in split_words(text))


def _check_image_of_version(text: str) -> str:
    values.parse_image(text.replace("{version}", "1"))
    return text


def _parse_mirror(text: str) -> str:
    prefix = text.strip().rstrip("/")
    if prefix:
        try:
            values.parse_image(f"{prefix}/image")
        except ValueError:
            raise ValueError("a registry without scheme, such as mirror.example.org:5000") from None
    return prefix


def _parse_pool(text: str) -> str:
    import ipaddress

    try:
        network = ipaddress.IPv4Network(text.strip())
    except ValueError:
        network = None
    if network is None or not network.is_private or network.prefixlen > PREFIXES[-1]:
        raise ValueError("a private IPv4 network of /29 or larger, such as 10.213.0.0/16")
    return str(network)


def _parse_prefix(text: str) -> int:
    if not text.strip().isdecimal() or int(text) not in PREFIXES:
        raise ValueError(f"a whole number from {PREFIXES[0]} to {PREFIXES[-1]}")
    return int(text)


def _parse_labels(text: str) -> dict[str, str]:
    labels = {}
    for word in split_words(text):
        key, equals, value = word.partition("=")
        if not equals or not LABEL_KEY.fullmatch(key):
            raise ValueError("labels, written as team=data,site=west")
        labels[key] = value
    return labels


PATH = Kind(_parse_path, _string_to_text)
DOMAIN_NAME = Kind(_ignoring_base(_parse_domain), _string_to_text)
SECRET = Kind(
    _ignoring_base(lambda text: Secret(values.parse_line(text))), _string_to_text, is_secret=True
)
IMAGE = Kind(_ignoring_base(values.parse_image), _string_to_text)
IMAGE_OF_VERSION = Kind(_ignoring_base(_check_image_of_version), _string_to_text)
IMAGES = Kind(_ignoring_base(_parse_images), _list_to_text, split_words)
MIRROR = Kind(_ignoring_base(_parse_mirror), _string_to_text)
ADDRESS = Kind(_ignoring_base(values.parse_address), _string_to_text)
POOL = Kind(_ignoring_base(_parse_pool), _string_to_text)
PREFIX = Kind(_ignoring_base(_parse_prefix), _number_to_text, int)
SIZE = Kind(_ignoring_base(values.parse_size), _number_to_text)
PERSISTENCE = Kind(_ignoring_base(values.parse_one_of("rdb", "aof")), _string_to_text)
LABELS = Kind(_ignoring_base(_parse_labels), _table_to_text, _parse_labels)
