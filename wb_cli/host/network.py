"""This host's ports and routes."""

from __future__ import annotations

import errno
import socket
import struct
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

ROUTES = Path("/proc/net/route")


def is_port_free(address: str, port: int) -> bool:
    """Whether a TCP server could listen there now.

    Without SO_REUSEADDR's leniency towards listeners, but past connections in TIME_WAIT do not
    count, as they do not for the engine.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def routes() -> list[str]:
    """The IPv4 networks this host has routes to, in CIDR notation; empty where unknown."""
    with suppress(OSError):
        lines = ROUTES.read_text().splitlines()[1:]
        return [str(_route(line.split())) for line in lines]
    return []


def _route(fields: list[str]) -> IPv4Network:
    """Addresses stand there as little-endian hexadecimal numbers: destination, then mask."""
    destination, mask = (struct.pack("<I", int(fields[i], 16)) for i in (1, 7))
    return IPv4Network((IPv4Address(destination), str(IPv4Address(mask))), strict=False)
