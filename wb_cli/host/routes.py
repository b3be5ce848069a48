"""Read this host's routes."""

from __future__ import annotations

import struct
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

ROUTES = Path("/proc/net/route")


def read_routes() -> list[str]:
    """The IPv4 networks that this host has routes to, in CIDR notation; empty where unknown."""
    with suppress(OSError):
        lines = ROUTES.read_text().splitlines()[1:]
        return [str(_parse_route(line.split())) for line in lines]
    return []


def _parse_route(fields: list[str]) -> IPv4Network:
    """The network of a line. Field 1 is the destination, 7 the mask, both little-endian hex."""
    destination, mask = (struct.pack("<I", int(fields[i], 16)) for i in (1, 7))
    return IPv4Network((IPv4Address(destination), str(IPv4Address(mask))), strict=False)
