"""Connect to the engine through the Docker SDK, and turn the SDK's errors into wb's errors."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.sdk_internals import set_api_version
from wb_cli.errors import (
    AddressPoolError,
    EngineError,
    EngineUnreachableError,
    ImageMissingError,
    NotFoundError,
    WbError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker

log = logging.getLogger(__name__)
CALL_TIMEOUT_S = 60
# wb acts on a few instances at a time, each with three containers, and calls run in parallel.
POOL_CONNECTIONS = 32
# Whoever measures many containers asks about all of them at once. Python makes none in advance.
CONNECTIONS_KEPT = 256

NO_SERVER = re.compile(r"No such file|Connection refused")
OTHER_SERVER = "is not what answers"
INSTALL = (
    "Is the Docker Engine running? `wb setup` looks for it, "
    "`wb setup --install-engine` installs and starts it."
)
# The remedies, each with a pattern of the reasons that it helps with. The first match is used.
# To choose another engine would help with none of these reasons.
REMEDIES = {
    r"Permission denied": "Run wb as root, or as a member of the group `docker`: "
    "`sudo usermod -aG docker $USER`, then log in again.",
    r"[Tt]imed? ?out": "It is there, and busy or stuck: its own log says more "
    "(`journalctl -u docker`).",
    r"certificate|CERTIFICATE|unknown ca|HTTP request to an HTTPS server": "DOCKER_TLS_VERIFY=1 "
    "asks for TLS, DOCKER_CERT_PATH names the folder of ca.pem, cert.pem and key.pem; a Docker "
    "context holds its own.",
    r"no version of its API|web page|BadStatusLine|wrong version number": "Another server listens "
    "there, or a proxy stands in between: correct the address. An engine behind TLS needs "
    "DOCKER_TLS_VERIFY=1.",
}
# The remedies for what the engine refuses, each with words of the engine's own text.
REFUSALS = {
    "has active endpoints": "A container is still on that network: `docker network inspect` names "
    "it.",
    "no space left on device": "The disk of the engine's own data is full (`docker info` calls it "
    "Docker Root Dir): free some space there, then repeat the command. `wb prune` shows what wb "
    "can free.",
}
NO_REMEDY = (
    "Repeat the command. If it stays so, the engine's own log says more (`journalctl -u docker`)."
)


def connect(at: str = "", context: str = "") -> docker.DockerClient:
    """Connect to the engine that DOCKER_HOST, the Docker context or the default socket names.

    The client uses the engine's own version of the API. ``at`` is the address of another engine, or
    of a tunnel that leads to the engine. ``context`` is a Docker context that is used whatever else
    is chosen.

    Raises:
        EngineUnreachableError: no engine answers there, or there is no such context.
    """
    import docker
    from docker.constants import MINIMUM_DOCKER_API_VERSION

    if not at and not find_endpoint(context):
        raise EngineUnreachableError(
            f"there is no Docker context {context or _context_name()}",
            "`docker context ls` lists them; `--context`, DOCKER_CONTEXT or `docker context use` "
            "chooses one. They are found beside Docker's config.json, which may be an empty `{}`.",
        )
    with docker_errors():
        client = docker.from_env(
            version=MINIMUM_DOCKER_API_VERSION,
            timeout=CALL_TIMEOUT_S,
            max_pool_size=CONNECTIONS_KEPT,
            environment=_choose_environment(at, context),
        )
        if client.api.base_url.startswith("https:"):
            # Otherwise REQUESTS_CA_BUNDLE would replace the authority that the operator named.
            client.api.trust_env = False
        _log_calls(client.api)
        _negotiate(client.api)
    return client


def _choose_environment(at: str, context: str) -> Mapping[str, str]:
    """Choose the variables that say where the engine is.

    Those for TLS are not for a tunnel, nor for a named context, which holds its own certificates.
    """
    if at.startswith("unix:"):
        return {"DOCKER_HOST": at}
    if context:
        return {"DOCKER_CONTEXT": context}
    return {**os.environ, "DOCKER_HOST": at} if at else os.environ


def _log_calls(api: Any) -> None:
    """Log each call with its answer's status and the time until it came, if somebody reads it."""
    if not log.isEnabledFor(logging.DEBUG):
        return

    def tell(response: Any, *_: object, **__: object) -> None:
        request, took_ms = response.request, response.elapsed.total_seconds() * 1000
        path = request.path_url.replace("http+docker://localhost", "")
        log.debug("%s %s: %d, %.1f ms", request.method, path, response.status_code, took_ms)

    api.hooks["response"].append(tell)


def _negotiate(api: Any) -> None:
    """Learn the version of the API from a ping, as the docker command does.

    A ping takes a tenth of the time of ``/version``.
    """
    answer = api.get(f"{api.base_url}/_ping", timeout=CALL_TIMEOUT_S)
    version = answer.headers.get("Api-Version")
    if not version:
        raise _make_unreachable_error(OTHER_SERVER, "it names no version of its API")
    set_api_version(api, version)


def measure_clock_ahead_s(api: Any) -> float:
    """Measure how far the engine's clock is ahead of this machine's clock, in whole seconds."""
    with docker_errors():
        answer = api.get(f"{api.base_url}/_ping", timeout=CALL_TIMEOUT_S)
    try:
        return parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
    except (KeyError, ValueError):
        return 0.0


def find_endpoint(context: str = "") -> str:
    """Find the address of the engine, or of that of a Docker context.

    It is empty if there is no such context.
    """
    if not context and (named := os.environ.get("DOCKER_HOST")):
        return named
    return find_endpoint_of_context(context or _context_name())


def find_endpoint_of_context(name: str) -> str:
    """Find the address of a Docker context; empty if there is no such context."""
    from docker.context import ContextAPI

    context = ContextAPI.get_context(name)
    return str(context.Host) if context else ""


def _context_name() -> str:
    from docker.context.config import get_current_context_name

    return os.environ.get("DOCKER_CONTEXT") or str(get_current_context_name())


@contextmanager
def docker_errors() -> Iterator[None]:
    """Turn the errors of the Docker SDK and its HTTP client into wb's errors.

    Raises:
        EngineUnreachableError: no answer, no answer in time, or an answer that no engine gives.
        ImageMissingError, NotFoundError, AddressPoolError, EngineError: the engine refused.
    """
    import docker.errors
    import requests.exceptions
    import urllib3.exceptions

    try:
        yield
    except docker.errors.APIError as error:
        raise _make_refused_error(error) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _make_unreachable_error(
            "gave an answer that is none", f"it is cut or no JSON ({error})"
        ) from error
    except (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError) as error:
        raise _make_unreachable_error(
            "broke off its answer", _find_innermost_reason(error)
        ) from error
    except (
        docker.errors.DockerException,
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:
        raise _make_unreachable_error("does not answer", _find_innermost_reason(error)) from error


def make_lost_error() -> EngineUnreachableError:
    """Make the error for an engine that ended a stream of its own accord: it goes away."""
    return _make_unreachable_error("broke off its answer", "it ends, or the connection broke")


def _make_unreachable_error(what: str, reason: str) -> EngineUnreachableError:
    """Make the error with the remedy for its reason. The hint first names a chosen engine."""
    message = f"the Docker Engine {what} at {find_endpoint()}: {reason}"
    chosen = _describe_choice()
    if NO_SERVER.search(reason):
        return EngineUnreachableError(
            message, chosen or INSTALL, is_absent=not chosen, said=f"{what}: {reason}"
        )
    hint = " ".join(filter(None, [chosen, *_find_remedy(reason)]))
    return EngineUnreachableError(message, hint or NO_REMEDY, said=f"{what}: {reason}")


def _find_remedy(reason: str) -> list[str]:
    return [text for pattern, text in REMEDIES.items() if re.search(pattern, reason)][:1]


def name_host(error: EngineUnreachableError, host: str) -> EngineUnreachableError:
    """Name the host of the registry file in the error of its engine, not what else is chosen."""
    if not error.said:
        return error
    start = f"Start the engine there. Its address is that of {host}."
    hint = " ".join(_find_remedy(error.said)) or start
    return EngineUnreachableError(f"{host}: the Docker Engine there {error.said}", hint)


def _describe_choice() -> str:
    """Describe the setting that chooses an engine; empty for this machine's own engine."""
    if host := os.environ.get("DOCKER_HOST"):
        return (
            f"DOCKER_HOST is {host} (`--host` sets it, too): start that engine, or leave it out to "
            "use this machine's own."
        )
    name = _context_name()
    if name == "default":
        return ""
    way_back = (
        "unset DOCKER_CONTEXT" if "DOCKER_CONTEXT" in os.environ else "`docker context use default`"
    )
    return f"The Docker context {name} is used: start its engine, or {way_back}."


def _make_refused_error(error: docker.errors.APIError) -> WbError:
    """Make the error with the engine's own text, without the text that the SDK adds."""
    import docker.errors

    text = str(error.explanation or error).strip()
    if re.search(r"<html|<!doctype", text, re.IGNORECASE):
        return _make_unreachable_error(OTHER_SERVER, "it sent a web page")
    if isinstance(error, docker.errors.ImageNotFound) or re.search(
        r"no such image", text, re.IGNORECASE
    ):
        return ImageMissingError(text, "`wb pull` fetches it, `wb images build` builds ours.")
    if isinstance(error, docker.errors.NotFound):
        return NotFoundError(text)
    if re.search(
        r"pool overlaps|overlaps with|address pool|no available network", text, re.IGNORECASE
    ):
        return AddressPoolError(text, "Give wb another range: the setting `subnet_pool`.")
    hints = (hint for words, hint in REFUSALS.items() if words in text)
    return EngineError(text, next(hints, ""))


def _find_innermost_reason(error: BaseException) -> str:
    """Find the innermost reason of the SDK's nested errors: ``No such file or directory``."""
    text = str(error)
    if "IncompleteRead" in text:
        return "Connection broken"
    reason = re.search(r"\[Errno -?\d+\] ([^'\")]+)|Error\(\d+, '([^']+)'\)|(Read timed out)", text)
    return next((part for part in reason.groups() if part), text) if reason else text
