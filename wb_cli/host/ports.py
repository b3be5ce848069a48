"""Ports of this host."""

import errno
import socket

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  (bound to ask, never listened on)


def is_free(port: int, address: str = EVERY_ADDRESS) -> bool:
    """Whether a server could listen on a TCP port now."""
    try:
        _bind(port, address)
    except OSError:
        return False
    return True


def is_address_here(address: str) -> bool:
    """Whether a server could listen on an address at all."""
    try:
        _bind(0, address)
    except OSError as error:
        return error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
    return True


def _bind(port: int, address: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        # As servers do: a connection that has just ended does not count as a use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
