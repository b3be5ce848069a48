"""Errors of the Docker SDK and of HTTP, as they become ours."""

import docker.errors
import pytest
import requests
import urllib3.exceptions

from wb_cli.engine.client import engine_errors
from wb_cli.errors import (
    AddressPoolError,
    EngineError,
    EngineUnreachableError,
    ImageMissingError,
    NotFoundError,
    WbError,
)


def refusal(words: str, kind: type[docker.errors.APIError] = docker.errors.APIError) -> Exception:
    return kind("500 Server Error for http+docker://localhost/v1.41", explanation=words)


CASES: dict[str, tuple[Exception, type[WbError], str]] = {
    "no image": (
        refusal("No such image: postgres:17.4", docker.errors.ImageNotFound),
        ImageMissingError,
        "No such image: postgres:17.4",
    ),
    "no image, told as a plain 404": (
        refusal("No such image: x:1", docker.errors.NotFound),
        ImageMissingError,
        "No such image: x:1",
    ),
    "no container": (
        refusal("No such container: abc", docker.errors.NotFound),
        NotFoundError,
        "No such container: abc",
    ),
    "a subnet in use": (
        refusal("Pool overlaps with other one on this address space"),
        AddressPoolError,
        "Pool overlaps with other one on this address space",
    ),
    "a subnet in use, in the words of newer engines": (
        refusal("invalid pool request: Pool overlaps with other one on this address space"),
        AddressPoolError,
        "invalid pool request: Pool overlaps with other one on this address space",
    ),
    "any other refusal, in the engine's words": (
        refusal("  driver failed programming external connectivity \n"),
        EngineError,
        "driver failed programming external connectivity",
    ),
    "a refusal without words": (
        docker.errors.APIError("409 Client Error"),
        EngineError,
        "409 Client Error",
    ),
    "no answer in time": (
        requests.exceptions.ReadTimeout("UnixHTTPConnectionPool: Read timed out. (timeout=60)"),
        EngineUnreachableError,
        "the Docker Engine does not answer: Read timed out",
    ),
    "no socket": (
        docker.errors.DockerException(
            "Error while fetching server API version: ('Connection aborted.', "
            "FileNotFoundError(2, 'No such file or directory'))"
        ),
        EngineUnreachableError,
        "the Docker Engine does not answer: No such file or directory",
    ),
    "a refused connection": (
        requests.exceptions.ConnectionError("Failed: [Errno 111] Connection refused'))"),
        EngineUnreachableError,
        "the Docker Engine does not answer: Connection refused",
    ),
    "an answer that breaks off": (
        urllib3.exceptions.ProtocolError("Connection broken"),
        EngineUnreachableError,
        "the Docker Engine does not answer: Connection broken",
    ),
    "a socket error": (
        BrokenPipeError("gone"),
        EngineUnreachableError,
        "the Docker Engine does not answer: gone",
    ),
}


@pytest.mark.parametrize(("foreign", "kind", "message"), CASES.values(), ids=CASES)
def test_a_foreign_error_becomes_one_of_ours_with_the_engine_s_own_words(
    foreign: Exception, kind: type[WbError], message: str
) -> None:
    with pytest.raises(WbError) as caught, engine_errors():
        raise foreign
    assert type(caught.value) is kind
    assert caught.value.message == message
    assert caught.value.__cause__ is foreign


def test_our_own_mistakes_pass_as_they_are() -> None:
    with pytest.raises(KeyError), engine_errors():
        raise KeyError("Id")


@pytest.mark.parametrize(
    "foreign", [refusal("No such image: x", docker.errors.ImageNotFound), BrokenPipeError("gone")]
)
def test_what_can_be_remedied_says_how(foreign: Exception) -> None:
    with pytest.raises(WbError) as caught, engine_errors():
        raise foreign
    assert "`wb " in caught.value.hint
