"""What L2 asks of a server's client."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from wb_cli.server.cache.errors import RefusedError


class Store(Protocol):
    """What L2 asks of a server's client; raises `L2Error` alone. `ValkeyLink` is one."""

    @property
    def is_ready(self) -> bool:
        """Whether calls make sense now."""

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back each time it becomes ready."""

    def suspect(self) -> None:
        """A call failed: have a look."""

    async def get(self, key: bytes) -> bytes | None:
        """One value, within the request deadline."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values in one round trip."""

    async def prefixes(self, keys: Sequence[bytes], length: int) -> list[bytes]:
        """The first bytes of each value."""

    async def apply(
        self, changes: Sequence[tuple[bytes, bytes | None]]
    ) -> list[RefusedError | None]:
        """Store values, or delete keys for None, in order; for each, why it was refused."""

    def keys(self, prefix: bytes) -> AsyncIterator[list[bytes]]:
        """Every key that begins so, a batch at a time."""
