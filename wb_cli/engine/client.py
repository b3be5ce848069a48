"""The way to the Docker SDK, and the one place where its errors become ours."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from wb_cli.engine.sdk_internals import set_api_version
from wb_cli.errors import (
    AddressPoolError,
    EngineError,
    EngineUnreachableError,
    ImageMissingError,
    NotFoundError,
    WbError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

CALL_TIMEOUT_S = 60
# Independent calls run side by side; a few instances at a time, three containers each.
POOL_CONNECTIONS = 32

NOBODY = re.compile(r"No such file|Connection refused")
OTHER_SERVER = "is not what answers"
INSTALL = (
    "Is the Docker Engine running? `wb setup` looks for it, "
    "`wb setup --install-engine` installs and starts it."
)
# By what the reason says, the first that applies. None of them is remedied by another engine.
REMEDIES = {
    r"Permission denied": "Run wb as root, or as a member of the group `docker`: "
    "`sudo usermod -aG docker $USER`, then log in again.",
    r"[Tt]imed? ?out": "It is there, and busy or stuck: its own log says more "
    "(`journalctl -u docker`).",
    r"no version of its API|web page|BadStatusLine|wrong version number": "Another server listens "
    "there, or a proxy stands in between: correct the address.",
}
NO_REMEDY = (
    "Repeat the command. If it stays so, the engine's own log says more (`journalctl -u docker`)."
)


def connect() -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST, the Docker context or the default socket names.

    It speaks the engine's own version of the API.

    Raises:
        EngineUnreachableError: nothing answers there, or there is no such context.
    """
    import docker
    from docker.constants import MINIMUM_DOCKER_API_VERSION

    if not endpoint():
        raise EngineUnreachableError(
            f"there is no Docker context {_context_name()}",
            "`docker context ls` lists them; DOCKER_CONTEXT or `docker context use` chooses one.",
        )
    with docker_errors():
        client = docker.from_env(
            version=MINIMUM_DOCKER_API_VERSION,
            timeout=CALL_TIMEOUT_S,
            max_pool_size=POOL_CONNECTIONS,
        )
        _negotiate(client.api)
    return client


def _negotiate(api: Any) -> None:
    """As the docker command does: a ping tells the version, and costs a tenth of ``/version``."""
    answer = api.get(f"{api.base_url}/_ping", timeout=CALL_TIMEOUT_S)
    version = answer.headers.get("Api-Version")
    if not version:
        raise _unreachable(OTHER_SERVER, "it names no version of its API")
    set_api_version(api, version)


def clock_ahead_s(api: Any) -> float:
    """How far the engine's clock is ahead of this machine's, in whole seconds, rounded down."""
    with docker_errors():
        answer = api.get(f"{api.base_url}/_ping", timeout=CALL_TIMEOUT_S)
    try:
        return parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
    except (KeyError, ValueError):
        return 0.0


def endpoint() -> str:
    """Where the engine is looked for; empty where the chosen Docker context does not exist."""
    from docker.context import ContextAPI

    if named := os.environ.get("DOCKER_HOST"):
        return named
    context = ContextAPI.get_context(_context_name())
    return str(context.Host) if context else ""


def _context_name() -> str:
    from docker.context.config import get_current_context_name

    return os.environ.get("DOCKER_CONTEXT") or str(get_current_context_name())


@contextmanager
def docker_errors() -> Iterator[None]:
    """Turn what the Docker SDK and its HTTP client raise into errors of ours.

    Raises:
        EngineUnreachableError: no answer, none in time, or one that no engine gives.
        ImageMissingError, NotFoundError, AddressPoolError, EngineError: the engine refused.
    """
    import docker.errors
    import requests.exceptions
    import urllib3.exceptions

    try:
        yield
    except docker.errors.APIError as error:
        raise _refused(error) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _unreachable(
            "gave an answer that is none", f"it is cut or no JSON ({error})"
        ) from error
    except (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError) as error:
        raise _unreachable("broke off its answer", _innermost(error)) from error
    except (
        docker.errors.DockerException,
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:
        raise _unreachable("does not answer", _innermost(error)) from error


def _unreachable(what: str, reason: str) -> EngineUnreachableError:
    """With the remedy for the reason; the engine that somebody chose is named first."""
    message = f"the Docker Engine {what} at {endpoint()}: {reason}"
    chosen = _chosen()
    if NOBODY.search(reason):
        return EngineUnreachableError(message, chosen or INSTALL, is_absent=not chosen)
    known = [remedy for pattern, remedy in REMEDIES.items() if re.search(pattern, reason)]
    hint = " ".join(filter(None, [chosen, *known[:1]]))
    return EngineUnreachableError(message, hint or NO_REMEDY)


def _chosen() -> str:
    """Who says that another engine than this machine's own is asked; empty where nobody does."""
    if host := os.environ.get("DOCKER_HOST"):
        return f"DOCKER_HOST is {host}: start that engine, or unset it to use this machine's own."
    name = _context_name()
    if name == "default":
        return ""
    way_back = (
        "unset DOCKER_CONTEXT" if "DOCKER_CONTEXT" in os.environ else "`docker context use default`"
    )
    return f"The Docker context {name} is used: start its engine, or {way_back}."


def _refused(error: docker.errors.APIError) -> WbError:
    """In the engine's own words, without the SDK's wrapping."""
    import docker.errors

    words = str(error.explanation or error).strip()
    if re.search(r"<html|<!doctype", words, re.IGNORECASE):
        return _unreachable(OTHER_SERVER, "it sent a web page")
    if isinstance(error, docker.errors.ImageNotFound) or re.search(
        r"no such image", words, re.IGNORECASE
    ):
        return ImageMissingError(words, "`wb pull` fetches it, `wb images build` builds ours.")
    if isinstance(error, docker.errors.NotFound):
        return NotFoundError(words)
    if re.search(
        r"pool overlaps|overlaps with|address pool|no available network", words, re.IGNORECASE
    ):
        return AddressPoolError(words, "Give wb another range: the setting `subnet_pool`.")
    if "has active endpoints" in words:
        return EngineError(
            words, "A container is still on that network: `docker network inspect` names it."
        )
    return EngineError(words)


def _innermost(error: BaseException) -> str:
    """The reason at the bottom of the SDK's nested errors, e.g. ``No such file or directory``."""
    text = str(error)
    if "IncompleteRead" in text:
        return "Connection broken"
    reason = re.search(r"\[Errno -?\d+\] ([^'\")]+)|Error\(\d+, '([^']+)'\)|(Read timed out)", text)
    return next((part for part in reason.groups() if part), text) if reason else text
