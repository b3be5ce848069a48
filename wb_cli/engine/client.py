"""The way to the Docker SDK, and the one place where its errors become ours."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wb_cli.errors import (
    AddressPoolError,
    EngineError,
    EngineUnreachableError,
    ImageMissingError,
    NotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

CALL_TIMEOUT_S = 60
# Independent calls run side by side; a few instances at a time, three containers each.
POOL_CONNECTIONS = 32

UNREACHABLE_HINT = (
    "Is the Docker Engine running? `wb setup` looks for it, "
    "`wb setup --install-engine` installs and starts it."
)


def connect() -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST, the Docker context or the default socket names.

    The API version is negotiated at the first call.

    Raises:
        EngineUnreachableError: nothing answers there.
    """
    import docker

    with engine_errors():
        return docker.from_env(timeout=CALL_TIMEOUT_S, max_pool_size=POOL_CONNECTIONS)


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what the Docker SDK and its HTTP client raise into errors of ours.

    Raises:
        EngineUnreachableError: no answer, or none in time.
        ImageMissingError, NotFoundError, AddressPoolError, EngineError: the engine refused.
    """
    import docker.errors
    import requests.exceptions
    import urllib3.exceptions

    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise ImageMissingError(_words(error), "`wb pull` fetches it.") from error
    except docker.errors.NotFound as error:
        raise _not_found(_words(error)) from error
    except docker.errors.APIError as error:
        raise _refused(_words(error)) from error
    except (
        docker.errors.DockerException,
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:
        message = f"the Docker Engine does not answer: {_innermost(error)}"
        raise EngineUnreachableError(message, UNREACHABLE_HINT) from error


def _words(error: docker.errors.APIError) -> str:
    """The engine's own sentence, without the SDK's wrapping."""
    return str(error.explanation or error).strip()


def _not_found(words: str) -> EngineError:
    if re.search(r"no such image", words, re.IGNORECASE):
        return ImageMissingError(words, "`wb pull` fetches it, `wb images build` builds ours.")
    return NotFoundError(words)


def _refused(words: str) -> EngineError:
    if re.search(
        r"pool overlaps|overlaps with|address pool|no available network", words, re.IGNORECASE
    ):
        return AddressPoolError(words, "Give wb another range: the setting `subnet_pool`.")
    return EngineError(words)


def _innermost(error: BaseException) -> str:
    """The reason at the bottom of the SDK's nested errors, e.g. ``No such file or directory``."""
    text = str(error)
    reason = re.search(r"\[Errno \d+\] ([^'\")]+)|Error\(\d+, '([^']+)'\)|(Read timed out)", text)
    return next((part for part in reason.groups() if part), text) if reason else text
