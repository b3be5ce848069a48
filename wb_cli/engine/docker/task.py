"""Run a program in a container of its own, which is gone when the program has ended, or wb has."""

from __future__ import annotations

import io
import select
import tarfile
import uuid
from collections import deque
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.never_started import remove_never_started
from wb_cli.engine.docker.passing import start_passing, wait_until_gone
from wb_cli.engine.docker.session import GONE, STDERR, Frames
from wb_cli.engine.task import COMPLAINTS_KEPT, FIRST_COMPLAINTS, LABEL_TASK, TaskEnd
from wb_cli.errors import EngineError, WbError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from wb_cli.engine.docker.session import Connection
    from wb_cli.engine.task import TaskSpec

LOOKS_EVERY_S = 0.2


def run_task(
    api: Any, spec: TaskSpec, on_line: Callable[[str], None], cancelled: threading.Event
) -> TaskEnd:
    """See :meth:`wb_cli.engine.base.Engine.run_task`."""
    from docker.types import Mount

    mark = f"wb-task-{uuid.uuid4().hex} "
    script = files("wb_cli.engine.docker").joinpath("task.sh").read_text()
    entrypoint = ["/bin/sh", "-c", script, "wb-task", mark, spec.priority, *spec.command]
    container, connection = start_passing(
        api,
        spec.image,
        entrypoint,
        {**spec.labels, LABEL_TASK: spec.purpose},
        mounts=[
            Mount(each.target, each.source, type="bind", read_only=each.is_read_only)
            for each in spec.mounts
        ],
        network=spec.network,
        environment=spec.environment,
        archive=_pack(spec.files) if spec.files else b"",
        hostname=spec.hostname,
        memory=spec.memory,
    )
    try:
        remove_never_started(api, container)
        _send(connection, _render_secrets(spec))
        output = _Output(mark, on_line)
        _follow(connection, output, cancelled)
    finally:
        # Where the program still runs, this tells it to end.
        connection.close()
        wait_until_gone(api, container)
    return output.make_end(spec)


def _pack(contents: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in contents.items():
            entry = tarfile.TarInfo(path.strip("/"))
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _render_secrets(spec: TaskSpec) -> bytes:
    lines = [f"{name}={secret.reveal()}" for name, secret in spec.secrets.items()]
    for line in lines:
        if "\n" in line:
            raise WbError(f"the value of {line.partition('=')[0]} has a line break in it")
    return "".join(f"{line}\n" for line in [*lines, ""]).encode()


def _send(connection: Connection, data: bytes) -> None:
    while data:
        waiting = select.poll()
        waiting.register(connection, select.POLLOUT)
        waiting.poll()
        try:
            data = data[connection.write(data) :]
        except GONE:
            return  # what the program said, or did not say, tells why


def _follow(connection: Connection, output: _Output, cancelled: threading.Event) -> None:
    """Read what the program says until it has ended. Raises ``InterruptedError`` at a signal."""
    frames = Frames()
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    data: bytes | None = connection.head or None
    while data != b"":
        for stream, piece in frames.split(data or b""):
            output.receive(stream, piece)
        if cancelled.is_set():
            raise InterruptedError
        is_ready = connection.has_more or waiting.poll(LOOKS_EVERY_S * 1000)
        data = connection.read() if is_ready else None


class _Output:
    """The lines that the program writes. The last one on stderr says how it ended."""

    def __init__(self, mark: str, on_line: Callable[[str], None]) -> None:
        self._mark, self._on_line = mark, on_line
        self._open = {True: b"", False: b""}
        self._first: list[str] = []
        self._complaints: deque[str] = deque(maxlen=COMPLAINTS_KEPT)
        self._code: int | None = None

    def receive(self, stream: int, piece: bytes) -> None:
        is_complaint = stream == STDERR
        *lines, self._open[is_complaint] = (self._open[is_complaint] + piece).split(b"\n")
        for line in lines:
            self._read(line.decode(errors="replace"), is_complaint=is_complaint)

    def _read(self, line: str, *, is_complaint: bool) -> None:
        if not is_complaint:
            self._on_line(line)
        elif line.startswith(self._mark):
            self._code = int(line.removeprefix(self._mark))
        elif line.strip():
            is_early = len(self._first) < FIRST_COMPLAINTS
            (self._first if is_early else self._complaints).append(line.rstrip())

    def make_end(self, spec: TaskSpec) -> TaskEnd:
        """Say how the program ended.

        Raises:
            EngineError: it was killed, with its container.
        """
        for is_complaint, line in self._open.items():
            if line:
                self._read(line.decode(errors="replace"), is_complaint=is_complaint)
        if self._code is None:
            said = "; ".join((*self._first, *self._complaints))
            raise EngineError(
                f"{spec.command[0]} was ended from outside, while it worked ({spec.purpose})"
                + (f": {said}" if said else ""),
                "Was its container killed, or the engine ended? Ask again.",
            )
        return TaskEnd(self._code, (*self._first, *self._complaints))
