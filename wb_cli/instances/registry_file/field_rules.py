"""The rules of single fields: check a JSON value, and read a word of the command line. Pure."""

import json
import posixpath
import re
from typing import Any

from wb_cli.contract import RESERVED_SUFFIXES
from wb_cli.instances import values

ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
RESERVED_IDS = ("host", "bridge", "none", "default", "all")
PORTS = range(1000, 55536)
PRIORITIES = range(-1000, 1001)
# The same as what opens a connection accepts: `wb_cli/host/ssh_tunnel.py`.
SSH_URL = re.compile(r"ssh://((?:[^@/:\s]+@)?)(\[[^\]\s]+\]|[^@/:\s]+)(?::(\d+))?(/\S*)?")
DEFAULT_SOCKET = "/var/run/docker.sock"
CONTEXT = "context:"
CONTEXT_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.+-]*")
# What an operator types for true and false.
FLAG_WORDS = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


def parse_id(value: Any) -> str:
    """Check an id, which is also the name of a container, a network and a host."""
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise ValueError("1 to 40 of a-z, 0-9 and inner hyphens")
    if value in RESERVED_IDS:
        raise ValueError(f"another word: {', '.join(RESERVED_IDS)} are reserved")
    if value.endswith(RESERVED_SUFFIXES):
        raise ValueError(f"one that does not end in {', '.join(RESERVED_SUFFIXES)}")
    return value


def parse_port(value: Any) -> int:
    """Check the platform's port. PostgreSQL's port is 10000 higher and must be a port, too."""
    if not isinstance(value, int) or isinstance(value, bool) or value not in PORTS:
        quotes = ", without quotes" if isinstance(value, str) and value.isdecimal() else ""
        raise ValueError(f"a whole number from {PORTS[0]} to {PORTS[-1]}{quotes}")
    return value


def parse_priority(value: Any) -> int:
    """Check the place of an instance among those that are started together."""
    if not isinstance(value, int) or isinstance(value, bool) or value not in PRIORITIES:
        raise ValueError(f"a whole number from {PRIORITIES[0]} to {PRIORITIES[-1]}")
    return value


def parse_folder(value: Any) -> str | None:
    """Check a path below the mount path. An empty path means the id, as it did in older tools."""
    if value == "":
        return None
    allowed = "a relative path that stays below the mount path"
    if not isinstance(value, str) or not value.isprintable() or value.startswith(("/", "~")):
        raise ValueError(allowed)
    path = posixpath.normpath(value)
    if path == "." or path.split("/")[0] == "..":
        raise ValueError(allowed)
    return path


def parse_admin_version(value: Any) -> str | None:
    """Check a version. An empty version means none, as it did in older tools."""
    return None if value == "" else values.parse_version(value)


def parse_host(value: Any) -> str:
    """Check the host of an engine. Two ways to write the same address become one.

    An address over TCP needs certificates, so it is the matter of a Docker context.
    """
    allowed = "ssh://[user@]host[:port][/path/of/docker.sock], or context:NAME of a Docker context"
    text = value.strip() if isinstance(value, str) else ""
    if text.startswith(CONTEXT) and CONTEXT_NAME.fullmatch(text.removeprefix(CONTEXT)):
        return text
    found = SSH_URL.fullmatch(text)
    if not found or found[1].startswith("-") or found[2].startswith("-"):
        raise ValueError(allowed)
    return text.removesuffix(DEFAULT_SOCKET).rstrip("/")


def parse_tags(value: Any) -> tuple[str, ...]:
    """Check the words by which instances can be selected."""
    is_list = isinstance(value, list | tuple)
    if not is_list or not all(isinstance(tag, str) and _is_tag(tag) for tag in value):
        raise ValueError('a list of words without "@", such as ["pilot", "west"]')
    return tuple(dict.fromkeys(value))


def _is_tag(tag: str) -> bool:
    return tag.strip() == tag != "" and tag.isprintable() and not tag.startswith("@")


def parse_json_or_text(text: str) -> Any:
    """Read ``true``, ``9001`` and ``1.5`` as JSON. Any other text stays text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def split_words(text: str) -> list[str]:
    """Split a text at its commas: ``a,b``."""
    return [word.strip() for word in text.split(",") if word.strip()]


def read_flag(text: str) -> Any:
    """Read ``true``, ``yes``, ``on`` and ``1`` as true, and their opposites as false."""
    return FLAG_WORDS.get(text.lower(), text)
