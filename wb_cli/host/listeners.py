"""Find out which process of this machine listens on which TCP port."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
TABLES = ("net/tcp", "net/tcp6")
LISTENS = "0A"
LOCAL_ADDRESS, STATE, INODE = 1, 3, 9  # the indices of these words in a line


class Listener(Struct, frozen=True):
    """What listens on a port. The process of another user has no name and no number here."""

    port: int
    process: str = ""
    pid: int = 0

    def __str__(self) -> str:
        return f"{self.process} (process {self.pid})" if self.pid else "a process"


def read_listeners(wanted: set[int]) -> dict[int, Listener]:
    """Read what listens on the wanted ports."""
    sockets = {inode: port for port, inode in _read_sockets() if port in wanted}
    owners = _find_owners(set(sockets)) if sockets else {}
    listeners = {port: Listener(port) for port in sockets.values()}
    for inode, pid in owners.items():
        port = sockets[inode]
        listeners[port] = Listener(port, _read_name(pid), pid)
    return listeners


def parse_listening(tables: str) -> Iterator[tuple[str, int]]:
    """Read the address and the port of each listening socket from the texts of such tables."""
    for line in tables.splitlines():
        fields = line.split()
        if len(fields) > INODE and fields[STATE] == LISTENS:
            address, _, port = fields[LOCAL_ADDRESS].rpartition(":")
            yield _parse_address(address), int(port, 16)


def _parse_address(digits: str) -> str:
    """Read an address, which is written in words of four bytes, the lowest byte first."""
    words = (digits[start : start + 8] for start in range(0, len(digits), 8))
    return str(ip_address(b"".join(bytes.fromhex(word)[::-1] for word in words)))


def is_any_address(address: str) -> bool:
    """Whether a server on this address is reached on all addresses."""
    return ip_address(address).is_unspecified


def _read_sockets() -> Iterator[tuple[int, str]]:
    """Read the port and the inode of each listening socket."""
    for table in TABLES:
        with suppress(OSError):
            for line in (PROC / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[STATE] == LISTENS:
                    yield int(fields[LOCAL_ADDRESS].rpartition(":")[2], 16), fields[INODE]


def _find_owners(inodes: set[str]) -> dict[str, int]:
    """Find the process of each socket. Processes of other users cannot be looked into."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    owners: dict[str, int] = {}
    for process in PROC.glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    if inode := wanted.get(str(descriptor.readlink())):
                        owners.setdefault(inode, int(process.name))
    return owners


def _read_name(pid: int) -> str:
    try:
        return (PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return "a process that has just ended"
