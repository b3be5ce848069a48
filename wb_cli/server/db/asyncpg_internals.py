"""Use private members of asyncpg. An upgrade of asyncpg can break no other file."""

import socket
from typing import Any


def limit_read_ahead(connection: Any, most_bytes: int) -> None:
    """Let the kernel keep at most about this much of what PostgreSQL sends until it is read.

    The kernel doubles the number for its own needs.
    """
    receiver = connection._transport.get_extra_info("socket")
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, most_bytes)
