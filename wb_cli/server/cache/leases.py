"""A leader for each load, where several processes share one database and one Valkey.

A process takes a lease in Valkey before it loads. The others wait for the entry to appear there.
The lease ends by itself when its holder dies, and is renewed while the holder loads. It never
decides what is right: an entry is taken only in the version that was asked for, as any entry of L2.
Whoever cannot ask Valkey, or has waited long enough, loads by itself.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Protocol

from wb_cli.server.cache.entry import Entry
from wb_cli.server.cache.errors import L2Error

LEASE_S = 2.0
RENEW_EVERY_S = LEASE_S / 3
WAITS_AT_MOST_S = 20.0
# Between two looks. They become rarer, as a load that takes long will take longer.
FIRST_LOOK_S = 0.005
LAST_LOOK_S = 0.05
CLOSES_WITHIN_S = 2.0

Look = Callable[[], Awaitable[Entry | None]]
Load = Callable[[], Awaitable[Entry]]
Written = Callable[[], Awaitable[object]]


class Lessor(Protocol):
    """Gives leases: `ValkeyLink`. It raises `L2Error` and nothing else."""

    async def lease(self, key: bytes, token: bytes, seconds: float) -> bool:
        """Take a lease, if nobody has it; whether it was taken."""

    async def renew(self, key: bytes, token: bytes, seconds: float) -> None:
        """Let a lease last longer, if it still has this token."""

    async def release(self, key: bytes, token: bytes) -> None:
        """Give a lease back, if it still has this token."""


class Leases:
    """The leases of one process.

    Args:
        lessor: gives them.
        clock: in seconds.
    """

    def __init__(self, lessor: Lessor, clock: Callable[[], float] = time.monotonic) -> None:
        self._lessor = lessor
        self._clock = clock
        self._giving_back: set[asyncio.Task[None]] = set()

    async def load_once(
        self,
        key: bytes,
        state: str,
        look: Look,
        load: Load,
        written: Written,
    ) -> Entry:
        """The entry, from L2 or loaded here.

        Args:
            key: the entry's key in L2.
            state: names the version and the code, so that no other state is waited for.
            look: asks L2 for the entry.
            load: loads it, and queues it for L2.
            written: waits until L2 has what was queued. Only then the lease is given back.
        """
        lease = b"wb:lease:" + blake2b(key + b"\0" + state.encode(), digest_size=16).digest()
        token = secrets.token_bytes(16)
        until, pause = self._clock() + WAITS_AT_MOST_S, FIRST_LOOK_S
        while self._clock() < until:
            try:
                is_ours = await self._lessor.lease(lease, token, LEASE_S)
            except L2Error:
                break
            # Look after taking it, too: the holder of before may have just given it back.
            found = await look()
            if found is not None:
                if is_ours:
                    self._give_back(lease, token, written)
                return found
            if is_ours:
                return await self._lead(lease, token, load, written)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LAST_LOOK_S)
        return await load()

    async def close(self) -> None:
        """Give back what is held."""
        if self._giving_back:
            await asyncio.wait(self._giving_back, timeout=CLOSES_WITHIN_S)

    async def _lead(self, lease: bytes, token: bytes, load: Load, written: Written) -> Entry:
        renewing = asyncio.create_task(self._keep(lease, token), name="renew a lease")
        try:
            return await load()
        finally:
            renewing.cancel()
            self._give_back(lease, token, written)

    async def _keep(self, lease: bytes, token: bytes) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            with contextlib.suppress(L2Error):
                await self._lessor.renew(lease, token, LEASE_S)

    def _give_back(self, lease: bytes, token: bytes, written: Written) -> None:
        release = self._release(lease, token, written)
        task = asyncio.create_task(release, name="give a lease back")
        self._giving_back.add(task)
        task.add_done_callback(self._giving_back.discard)

    async def _release(self, lease: bytes, token: bytes, written: Written) -> None:
        """Give a lease back once the entry is in L2, so that whoever takes it finds the entry."""
        await written()
        with contextlib.suppress(L2Error):
            await self._lessor.release(lease, token)
