"""Find out which ports and addresses of this host a server could use."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  (a test binds it, and never listens)
SYSCTL = Path("/proc/sys/net/ipv4")


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


class PortRange(Struct, frozen=True):
    """The ports that the kernel gives to outgoing connections, but for those that are reserved."""

    first: int
    last: int
    reserved: str = ""

    def has(self, port: int) -> bool:
        """Whether an outgoing connection may get the port."""
        return self.first <= port <= self.last and port not in set(self._list_reserved())

    def _list_reserved(self) -> Iterator[int]:
        for part in filter(None, self.reserved.split(",")):
            first, _, last = part.partition("-")
            yield from range(int(first), int(last or first) + 1)


def read_ephemeral_ports(sysctl: Path = SYSCTL) -> PortRange:
    """Read the range of the ports of outgoing connections."""
    first, last = (sysctl / "ip_local_port_range").read_text().split()
    try:
        reserved = (sysctl / "ip_local_reserved_ports").read_text().strip()
    except OSError:
        reserved = ""
    return PortRange(int(first), int(last), reserved)
