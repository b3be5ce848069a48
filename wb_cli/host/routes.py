"""Read this host's routes."""

from __future__ import annotations

import struct
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from pathlib import Path

ROUTES = Path("/proc/net/route")


def read_routes() -> list[str]:
    """The IPv4 networks that this host has routes to, in CIDR notation; empty where unknown."""
    with suppress(OSError):
        return parse_routes(ROUTES.read_text())
    return []


def parse_routes(table: str) -> list[str]:
    """Read the text of the kernel's table of routes."""
    return [str(_parse_route(line.split())) for line in table.splitlines()[1:]]


def parse_own_addresses(trie: str) -> set[str]:
    """Read the machine's own IPv4 addresses from the text of ``/proc/net/fib_trie``."""
    lines = trie.splitlines()
    return {
        before.split()[-1] for before, line in pairwise(lines) if line.endswith("/32 host LOCAL")
    }


def _parse_route(fields: list[str]) -> IPv4Network:
    """The network of a line. Field 1 is the destination, 7 the mask, both little-endian hex."""
    destination, mask = (struct.pack("<I", int(fields[i], 16)) for i in (1, 7))
    return IPv4Network((IPv4Address(destination), str(IPv4Address(mask))), strict=False)
