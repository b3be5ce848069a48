"""Find out which ports and addresses of this host a server could use."""

import errno
import socket

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  (a test binds it, and never listens)


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
        # Servers set this option, too: a connection that has just ended does not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
