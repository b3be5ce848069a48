"""The client that L2 needs."""

from collections.abc import Callable, Sequence
from typing import Protocol

from wb_cli.server.cache.errors import RefusedError


class Store(Protocol):
    """The client that L2 needs, such as `ValkeyLink`. It raises `L2Error` and nothing else."""

    @property
    def is_ready(self) -> bool:
        """Whether the server answers now."""

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back each time the server becomes ready."""

    def suspect(self) -> None:
        """Check the connection now, because a call failed."""

    async def get(self, key: bytes) -> bytes | None:
        """One value, within the request deadline."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values in one round trip."""

    async def prefixes(self, keys: Sequence[bytes], length: int) -> list[bytes]:
        """The first bytes of each value."""

    async def apply(
        self, changes: Sequence[tuple[bytes, bytes | None]]
    ) -> list[RefusedError | None]:
        """Store values in order; a value of None deletes its key. Returns each refusal or None."""
