"""The kinds of settings. Each kind reads text and TOML, and writes TOML."""

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from wb_cli.contract import PrivateRoutes
from wb_cli.instances import values
from wb_cli.instances.postgres_settings import parse_postgres_settings
from wb_cli.instances.registry_file.field_rules import split_words
from wb_cli.secret import Secret

DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
LISTEN = re.compile(r"(?:(?P<address>[0-9.]+|\[[0-9a-f:.]+\]):)?(?P<port>\d{1,5})", re.ASCII)
LABEL_KEY = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]*")
SECONDS_ALLOWED = range(1, 86_401)
PREFIXES = range(16, 30)  # a /29 has room for the gateway and an instance's four containers


class Kind(Struct, frozen=True):
    """The functions that read and write the settings of one kind.

    ``parse`` takes text, and the folder from which relative paths start. ``to_text`` turns a TOML
    value into such text, and ``to_toml`` turns the text into a TOML value. All raise ``ValueError``
    that says which values are allowed. A size is shown with its unit.
    """

    parse: Callable[[str, Path], Any]
    to_text: Callable[[Any], str]
    to_toml: Callable[[str], Any] = str
    is_secret: bool = False
    is_size: bool = False


def ignoring_base(check: Callable[[str], Any]) -> Callable[[str, Path], Any]:
    """Let a function that reads text alone stand where the folder is given, too."""
    return lambda text, _base: check(text)


def string_to_text(value: Any) -> str:
    """Take a string."""
    if not isinstance(value, str):
        raise ValueError("a string, in quotes")  # noqa: TRY004
    return value


def number_to_text(value: Any) -> str:
    """Take a whole number."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("a whole number")  # noqa: TRY004
    return str(value)


def list_to_text(value: Any) -> str:
    """Take a list of strings."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('a list of strings, such as ["postgres:17.4", "valkey/valkey:8"]')
    return ",".join(value)


def _table_to_text(value: Any) -> str:
    is_table = isinstance(value, Mapping)
    if not is_table or not all(isinstance(item, str) for item in value.values()):
        raise ValueError('a table of strings, such as {team = "data"}')
    return ",".join(f"{key}={item}" for key, item in value.items())


def parse_path(text: str, base: Path) -> Path:
    """Parse a path. A relative one starts from the folder."""
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


def _parse_url(text: str) -> str:
    if not re.fullmatch(r"https://[^\s/'\"]+(/[^\s'\"]*)?", text.strip()):
        raise ValueError("an address that begins with https://")
    return text.strip()


def _parse_email(text: str) -> str:
    address = text.strip()
    if address != "none" and not re.fullmatch(
        r"[^\s@,'\"-][^\s@,'\"]*@[^\s@,'\"]+\.[^\s@,'\"]+", address
    ):
        raise ValueError("one e-mail address, or none")
    return address


def _parse_count(text: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError("a whole number")
    return int(text)


def _parse_dns_plugin(text: str) -> str:
    name = text.strip().removeprefix("dns-")
    if not re.fullmatch(r"[a-z0-9]+", name):
        raise ValueError("the name of a DNS plugin of certbot, such as cloudflare")
    return name


def _parse_log_size(text: str) -> int:
    allowed = "a size from 64k to 1g, such as 10m"
    match = values.SIZE.fullmatch(text.strip())
    size = int(match[1]) * values.SIZE_UNITS[match[2].lower()] if match else 0
    if not 64 * values.KIB <= size <= values.KIB**3:
        raise ValueError(allowed)
    return size


def _parse_count_to(most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        is_number = text.strip().isdecimal() and text.strip().isascii()
        if not is_number or not 1 <= int(text) <= most:
            raise ValueError(f"a whole number from 1 to {most}")
        return int(text)

    return parse


def _parse_postgres_settings(text: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in split_words(text)]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("written as work_mem=16MB,max_connections=200")
    try:
        return parse_postgres_settings({name.strip(): value for name, _, value in pairs})
    except values.MemberError as error:
        raise ValueError(f"settings that PostgreSQL takes. {error}") from None


def _members_to_text(value: Any) -> str:
    if not isinstance(value, Mapping):
        raise ValueError('a table, such as {work_mem = "16MB"}')  # noqa: TRY004
    words = {
        name: str(item).lower() if isinstance(item, bool) else item for name, item in value.items()
    }
    return ",".join(f"{name}={item}" for name, item in words.items())


def _parse_labels(text: str) -> dict[str, str]:
    labels = {}
    for word in split_words(text):
        key, equals, value = word.partition("=")
        if not equals or not LABEL_KEY.fullmatch(key):
            raise ValueError("labels, written as team=data,site=west")
        labels[key] = value
    return labels


def _parse_command(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words or not text.isprintable():
        raise ValueError("a command line, such as nginx -c /opt/nginx.conf")
    return text.strip()


def _parse_listens(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.lower() for word in split_words(text)))
    if not words or not all(_is_listen(word) for word in words):
        raise ValueError("ports, or addresses with ports, such as 80,[::]:80 or 192.0.2.1:80")
    return words


def _is_listen(word: str) -> bool:
    match = LISTEN.fullmatch(word)
    if match is None or not 0 < int(match["port"]) < 2**16:
        return False
    try:
        values.parse_address((match["address"] or "0.0.0.0").strip("[]"))  # noqa: S104  (only read)
    except ValueError:
        return False
    return True


def _parse_seconds(text: str) -> int:
    if not text.strip().isdecimal() or int(text) not in SECONDS_ALLOWED:
        raise ValueError(f"a whole number of seconds from 1 to {SECONDS_ALLOWED[-1]}")
    return int(text)


def _parse_private_routes(text: str) -> tuple[PrivateRoutes, ...]:
    try:
        return tuple(dict.fromkeys(PrivateRoutes(word) for word in split_words(text)))
    except ValueError:
        raise ValueError(f"words of {', '.join(PrivateRoutes)}, or nothing") from None


PATH = Kind(parse_path, string_to_text)
DOMAIN_NAME = Kind(ignoring_base(_parse_domain), string_to_text)
SECRET = Kind(
    ignoring_base(lambda text: Secret(values.parse_line(text))), string_to_text, is_secret=True
)
IMAGE = Kind(ignoring_base(values.parse_image), string_to_text)
IMAGE_OF_VERSION = Kind(ignoring_base(_check_image_of_version), string_to_text)
IMAGES = Kind(ignoring_base(_parse_images), list_to_text, split_words)
MIRROR = Kind(ignoring_base(_parse_mirror), string_to_text)
ADDRESS = Kind(ignoring_base(values.parse_address), string_to_text)
UPSTREAM = Kind(ignoring_base(values.parse_upstream), string_to_text)
POOL = Kind(ignoring_base(_parse_pool), string_to_text)
PREFIX = Kind(ignoring_base(_parse_prefix), number_to_text, int)
URL = Kind(ignoring_base(_parse_url), string_to_text)
EMAIL = Kind(ignoring_base(_parse_email), string_to_text)
COUNT = Kind(ignoring_base(_parse_count), number_to_text, int)
DNS_PLUGIN = Kind(ignoring_base(_parse_dns_plugin), string_to_text)
SIZE = Kind(ignoring_base(values.parse_size), number_to_text, is_size=True)
PERSISTENCE = Kind(ignoring_base(values.parse_one_of("rdb", "aof")), string_to_text)
LABELS = Kind(ignoring_base(_parse_labels), _table_to_text, _parse_labels)
COMMAND = Kind(ignoring_base(_parse_command), string_to_text)
LISTENS = Kind(ignoring_base(_parse_listens), list_to_text, split_words)
SECONDS = Kind(ignoring_base(_parse_seconds), number_to_text, int)
PRIVATE_ROUTES = Kind(ignoring_base(_parse_private_routes), list_to_text, split_words)
POSTGRES_SETTINGS = Kind(
    ignoring_base(_parse_postgres_settings), _members_to_text, _parse_postgres_settings
)
LOG_SIZE = Kind(ignoring_base(_parse_log_size), number_to_text, is_size=True)
LOG_FILES = Kind(ignoring_base(_parse_count_to(100)), number_to_text, int)
