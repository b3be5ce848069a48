"""Use private members of the Docker SDK. An upgrade of the SDK can break no other file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker.types.daemon import CancellableStream


def set_api_version(api: Any, version: str) -> None:
    """Set the version of the engine's API. The SDK would ask for it with a slow call."""
    api._version = version


def close_response(stream: CancellableStream[Any]) -> None:
    """Close the socket of a stream. The SDK leaves this to the garbage collector."""
    stream._response.close()  # type: ignore[attr-defined]


def get_response(started: Any) -> Any:
    """Get the response to the start of a command. The SDK drops what its reader has read ahead."""
    return started._response


def get_reader(response: Any) -> Any:
    """Get the buffered reader of a response. It may have read more than the headers."""
    return response.raw._fp.fp


def get_socket(reader: Any) -> Any:
    """Get the socket of a buffered reader. It may use TLS."""
    return reader.raw._sock


def open_log(api: Any, container: str, parameters: dict[str, Any], *, waits: bool) -> Any:
    """Open the output of a container. The SDK's own method drops which stream a line is from.

    With ``waits``, the container may be silent for longer than a call may take.
    """
    url = api._url("/containers/{0}/logs", container)
    response = api._get(url, params=parameters, stream=True)
    api._raise_for_status(response)
    if waits:
        api._disable_socket_timeout(api._get_raw_response_socket(response))
    return response
