"""What wb takes from inside the Docker SDK: an upgrade of the SDK can break no other file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker.types.daemon import CancellableStream


def set_api_version(api: Any, version: str) -> None:
    """Name the version of the engine's API, which the SDK would ask for with a slow call."""
    api._version = version


def close_response(stream: CancellableStream[Any]) -> None:
    """Close the socket of a stream. The SDK leaves that to the garbage collector."""
    stream._response.close()  # type: ignore[attr-defined]


def response_of(started: Any) -> Any:
    """The answer to a started command. The SDK does not keep the bytes that its reader has read."""
    return started._response


def reader_of(response: Any) -> Any:
    """The buffered reader of an answer, which may have read more than the headers."""
    return response.raw._fp.fp


def socket_of(reader: Any) -> Any:
    """The socket below a buffered reader, which may speak TLS."""
    return reader.raw._sock
