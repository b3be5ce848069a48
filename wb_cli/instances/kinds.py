"""Kinds of settings: how each is read from text and from TOML, and written to it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from wb_cli.instances import values
from wb_cli.instances.entries import words
from wb_cli.secret import Secret

DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
LABEL_KEY = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]*")
PREFIXES = range(16, 30)  # a /29 has room for the gateway and an instance's four containers


class Kind(Struct, frozen=True):
    """How the settings of one kind are read.

    ``parse`` takes text and the folder that relative paths start from; ``to_text`` turns what
    TOML has into such text, and ``to_toml`` the text into what TOML should have. All raise
    ``ValueError`` with what is allowed.
    """

    parse: Callable[[str, Path], Any]
    to_text: Callable[[Any], str]
    to_toml: Callable[[str], Any] = str
    is_secret: bool = False


def _plain(check: Callable[[str], Any]) -> Callable[[str, Path], Any]:
    return lambda text, _base: check(text)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a string, in quotes")  # noqa: TRY004
    return value


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("a whole number")  # noqa: TRY004
    return str(value)


def _list(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('a list of strings, such as ["postgres:17.4", "valkey/valkey:8"]')
    return ",".join(value)


def _table(value: Any) -> str:
    is_table = isinstance(value, Mapping)
    if not is_table or not all(isinstance(item, str) for item in value.values()):
        raise ValueError('a table of strings, such as {team = "data"}')
    return ",".join(f"{key}={item}" for key, item in value.items())


def _path(text: str, base: Path) -> Path:
    if not text.isprintable() or not text.strip():
        raise ValueError("a path")
    try:
        return (base / Path(text).expanduser()).absolute()
    except RuntimeError:
        raise ValueError("a path; there is no such user") from None
    except OSError:
        raise ValueError("an absolute path, as the current folder is gone") from None


def _domain(text: str) -> str:
    name = text.strip().rstrip(".").lower()
    if not DOMAIN.fullmatch(name):
        raise ValueError("a domain name without scheme, port and path, such as example.org")
    return name


def _images(text: str) -> tuple[str, ...]:
    return tuple(values.image(word) for word in words(text))


def _image_of_version(text: str) -> str:
    values.image(text.replace("{version}", "1"))
    return text


def _mirror(text: str) -> str:
    prefix = text.strip().rstrip("/")
    if prefix:
        try:
            values.image(f"{prefix}/image")
        except ValueError:
            raise ValueError("a registry without scheme, such as mirror.example.org:5000") from None
    return prefix


def _pool(text: str) -> str:
    import ipaddress

    try:
        network = ipaddress.IPv4Network(text.strip())
    except ValueError:
        network = None
    if network is None or not network.is_private or network.prefixlen > PREFIXES[-1]:
        raise ValueError("a private IPv4 network of /29 or larger, such as 10.213.0.0/16")
    return str(network)


def _prefix(text: str) -> int:
    if not text.strip().isdecimal() or int(text) not in PREFIXES:
        raise ValueError(f"a whole number from {PREFIXES[0]} to {PREFIXES[-1]}")
    return int(text)


def _labels(text: str) -> dict[str, str]:
    found = {}
    for word in words(text):
        key, equals, value = word.partition("=")
        if not equals or not LABEL_KEY.fullmatch(key):
            raise ValueError("labels, written as team=data,site=west")
        found[key] = value
    return found


PATH = Kind(_path, _string)
DOMAIN_NAME = Kind(_plain(_domain), _string)
SECRET = Kind(_plain(lambda text: Secret(values.line(text))), _string, is_secret=True)
IMAGE = Kind(_plain(values.image), _string)
IMAGE_OF_VERSION = Kind(_plain(_image_of_version), _string)
IMAGES = Kind(_plain(_images), _list, words)
MIRROR = Kind(_plain(_mirror), _string)
ADDRESS = Kind(_plain(values.address), _string)
POOL = Kind(_plain(_pool), _string)
PREFIX = Kind(_plain(_prefix), _number, int)
SIZE = Kind(_plain(values.size), _number)
PERSISTENCE = Kind(_plain(values.one_of("rdb", "aof")), _string)
LABELS = Kind(_plain(_labels), _table, _labels)
