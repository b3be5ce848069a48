"""Ports of this host."""

import socket

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  (bound to ask, never listened on)


def is_free(port: int, address: str = EVERY_ADDRESS) -> bool:
    """Whether a server could listen on a TCP port now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            # As servers do: a connection that has just ended does not count as a use.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError:
        return False
    return True
