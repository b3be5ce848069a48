"""Read the output of a container, line by line, with the engine's time of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.client import docker_errors
from wb_cli.engine.docker.sdk_internals import open_log
from wb_cli.engine.log_lines import NANOSECOND, LineReader, LogLine, LogWanted

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

PIECE = 1 << 16


def read_lines(api: Any, container: str, wanted: LogWanted) -> Generator[LogLine, None, None]:
    """See :meth:`wb_cli.engine.base.Engine.read_lines`."""
    with docker_errors():
        response = open_log(api, container, _make_parameters(wanted), waits=wanted.follow)
    try:
        lines = LineReader()
        pieces = response.iter_content(PIECE)
        while piece := _read_piece(pieces):
            yield from lines.read(piece)
        yield from lines.read_end()
    finally:
        response.close()


def _make_parameters(wanted: LogWanted) -> dict[str, Any]:
    return {
        "stdout": 1,
        "stderr": 1,
        "timestamps": 1,
        "follow": int(wanted.follow),
        "tail": "all" if wanted.tail is None else wanted.tail,
        "since": _format_moment(wanted.since),
        "until": _format_moment(wanted.until),
    }


def _format_moment(nanoseconds: int) -> str:
    """Write a moment for the engine, which reads 0 as no limit."""
    seconds, rest = divmod(nanoseconds, NANOSECOND)
    return f"{seconds}.{rest:09}" if nanoseconds else "0"


def _read_piece(pieces: Iterator[bytes]) -> bytes:
    """Read what has come. It is empty after the last piece, as the engine sends no empty piece."""
    with docker_errors():
        return next(pieces, b"")
