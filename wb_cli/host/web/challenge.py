"""Try the way that an ACME server takes to this machine, before it is asked to take it."""

from __future__ import annotations

import http.client
import secrets
import socket
import ssl
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from wb_cli.host.web.site_files import make_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHALLENGES = ".well-known/acme-challenge"
ANSWERS_WITHIN_S = 10.0
REDIRECTS = 5
REDIRECTIONS = range(300, 400)
READ_AT_MOST = 4096


class Seen(Struct, frozen=True):
    """What one address of a domain name answered. ``problem`` is empty where all is well."""

    address: str
    problem: str = ""


def find_addresses(domain_name: str) -> tuple[str, ...]:
    """Find the addresses of a domain name, as this machine's resolver knows them.

    Raises:
        OSError: it has none, or nobody can be asked.
    """
    found = socket.getaddrinfo(domain_name, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


@contextmanager
def probe(webroot: Path) -> Iterator[tuple[str, str]]:
    """Put a file beside the challenges for a moment. Give its name and its content.

    Raises:
        WbError: it cannot be written.
    """
    name, content = f"wb-probe-{secrets.token_hex(8)}", secrets.token_hex(16)
    file = webroot / CHALLENGES / name
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(0o644)
    except OSError as error:
        raise make_error(error, "write", file) from error
    try:
        yield name, content
    finally:
        file.unlink(missing_ok=True)


def ask(domain_name: str, address: str, port: int, probed: tuple[str, str]) -> Seen:
    """Ask one address of a domain name for the probe, and follow redirects as ACME does."""
    name, content = probed
    try:
        status, body = _get_following(f"http://{domain_name}/{CHALLENGES}/{name}", address, port)
    except TimeoutError:
        return Seen(address, f"gave no answer within {ANSWERS_WITHIN_S:g} s")
    except OSError as error:
        return Seen(address, (error.strerror or str(error)).lower())
    except http.client.HTTPException as error:
        return Seen(address, f"gave no answer of HTTP ({type(error).__name__})")
    if status != HTTPStatus.OK:
        return Seen(address, f"answered {status} {http.client.responses.get(status, '')}".strip())
    if body.strip() != content:
        return Seen(address, "answered with something else, so another server or site is there")
    return Seen(address)


def _get_following(url: str, address: str, port: int) -> tuple[int, str]:
    status, location, body = _get(url, address, port)
    for _ in range(REDIRECTS):
        if status not in REDIRECTIONS or not location:
            break
        url, address, port = _follow(url, location)
        status, location, body = _get(url, address, port)
    return status, body


def _get(url: str, address: str, port: int) -> tuple[int, str, str]:
    """Get a URL from an address. No certificate is checked, as ACME checks none here."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(address, port, timeout=ANSWERS_WITHIN_S)
    if parts.scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            address, port, timeout=ANSWERS_WITHIN_S, context=context
        )
    try:
        connection.request("GET", parts.path or "/", headers={"Host": parts.netloc})
        answer = connection.getresponse()
        body = answer.read(READ_AT_MOST).decode(errors="replace")
        return answer.status, answer.getheader("Location") or "", body
    finally:
        connection.close()


def _follow(url: str, location: str) -> tuple[str, str, int]:
    there = urljoin(url, location)
    parts = urlsplit(there)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return there, parts.hostname or "", port
