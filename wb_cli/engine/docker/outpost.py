"""Run a container that sees the whole machine of the engine, and talk with it over its streams."""

from __future__ import annotations

import select
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.client import docker_errors, make_lost_error
from wb_cli.engine.docker.never_started import remove_never_started
from wb_cli.engine.docker.passing import start_passing, wait_until_gone
from wb_cli.engine.docker.session import GONE, STDERR, Frames
from wb_cli.engine.types import LABEL_OUTPOST
from wb_cli.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wb_cli.engine.docker.session import Connection

# The root of the engine's machine, as the container sees it.
ROOT = "/host"
ENTER = ("chroot", ROOT)


def open_outpost(
    api: Any, image: str, command: Sequence[str], labels: Mapping[str, str]
) -> Outpost:
    """See :meth:`wb_cli.engine.base.Engine.open_outpost`."""
    from docker.types import Mount

    container, connection = start_passing(
        api,
        image,
        [*ENTER, *command],
        {**labels, LABEL_OUTPOST: "1"},
        mounts=[Mount(ROOT, "/", type="bind")],
        network="host",
    )
    remove_never_started(api, container)
    return Outpost(api, container, connection)


class Outpost:
    """See :class:`wb_cli.engine.base.Outpost`."""

    def __init__(self, api: Any, container: str, connection: Connection) -> None:
        self._api, self._container, self._connection = api, container, connection
        self._frames = Frames()
        self._complaints = b""

    def send(self, data: bytes) -> None:
        """Send bytes to the input of the command."""
        while data:
            self._wait(select.POLLOUT, None)
            try:
                data = data[self._connection.write(data) :]
            except GONE:
                raise self._describe_end() from None

    def receive(self, within_s: float) -> bytes:
        """Give the next bytes of its output, after a wait of at most some seconds."""
        deadline = time.monotonic() + within_s
        while True:
            if not self._connection.has_more:
                self._wait(select.POLLIN, deadline)
            data = self._connection.read()
            if data == b"":
                raise self._describe_end()
            output = b""
            for stream, piece in self._frames.split(data or b""):
                if stream == STDERR:
                    self._complaints += piece
                else:
                    output += piece
            if output:
                return output

    def _wait(self, event: int, deadline: float | None) -> None:
        waiting = select.poll()
        waiting.register(self._connection, event)
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        if not waiting.poll(left):
            raise make_lost_error()

    def _describe_end(self) -> EngineError | Exception:
        said = self._complaints.decode(errors="replace").strip()
        return (
            EngineError(f"wb cannot look at the engine's machine: {said}")
            if said
            else (make_lost_error())
        )

    def close(self) -> None:
        """End the command, and wait until its container is gone."""
        self._connection.close()
        with suppress(EngineError), docker_errors():  # it may have ended
            self._api.kill(self._container)
        wait_until_gone(self._api, self._container)
