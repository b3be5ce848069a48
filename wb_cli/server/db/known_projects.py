"""The ids of the projects, remembered, so that a wrong name costs no connection."""

import asyncio
import time

from wb_cli.server.db.address import MAIN
from wb_cli.server.db.connections import Connections
from wb_cli.server.db.errors import no_project

# Strangers may ask for any number of names. They all wait for the same next look.
LOOK_AGAIN_AFTER_S = 0.25
# After this time, a project that another process removed is no longer known.
TRUSTED_FOR_S = 30.0


class KnownProjects:
    """The ids in `main`. They are read again when a name is not among them."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._ids: frozenset[str] = frozenset()
        self._looked_at = float("-inf")
        self._next_look: asyncio.Task[None] | None = None

    async def check(self, project_id: str) -> None:
        """Return if there is such a project, even if it was made just now.

        Raises:
            DatabaseMissingError: there is no such project.
        """
        is_fresh = time.monotonic() - self._looked_at < TRUSTED_FOR_S
        if not (is_fresh and project_id in self._ids):
            await self._look()
        if project_id not in self._ids:
            raise no_project(project_id)

    def forget(self, project_id: str) -> None:
        """Note that a project was removed."""
        self._ids -= {project_id}

    def doubt(self) -> None:
        """Look again at the next name, as projects have changed."""
        self._looked_at = float("-inf")

    async def close(self) -> None:
        """Cancel a look that is in progress."""
        if self._next_look:
            self._next_look.cancel()
            await asyncio.wait([self._next_look])

    async def _look(self) -> None:
        """Wait for a look that begins after this call. Callers share it."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look_when_due(), name="projects")
        # Shielded, so that a cancelled caller does not end it for the others.
        await asyncio.shield(self._next_look)

    async def _look_when_due(self) -> None:
        try:
            await asyncio.sleep(self._looked_at + LOOK_AGAIN_AFTER_S - time.monotonic())
        finally:
            self._next_look = None  # callers from now on need a later look
        self._looked_at = time.monotonic()
        async with self._connections.acquire(MAIN) as connection:
            rows = await connection.fetch("SELECT id FROM projects")
        self._ids = frozenset(row["id"] for row in rows)
