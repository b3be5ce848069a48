"""An entry as an HTTP answer. The stored bytes are sent as they are, if the client takes them.

The ETag is a digest of the stored bytes. So a new version with the same data keeps its ETag, and
clients that have the data are not sent it again.
"""

import asyncio
import re
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from wb_cli.server.cache import Encoding, Entry
from wb_cli.server.http.problems import Problem

# Larger bodies take longer to decompress than it takes to hand the work to a thread.
IN_A_THREAD_FROM = 128 * 1024
OPAQUE_TAG = re.compile(r'(?:W/)?"([^"]*)"')

RawHeaders = list[tuple[bytes, bytes]]
VARY = (b"vary", b"Accept-Encoding")
JSON = (b"content-type", b"application/json")
IN_ZSTD = (b"content-encoding", b"zstd")
# A client keeps an entry and asks each time whether it is current. Unsettled data is not kept.
KEPT = (b"cache-control", b"private, no-cache")
NOT_KEPT = (b"cache-control", b"no-store")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client says of the form of the answer: the values of these headers."""

    accept_encoding: str
    if_none_match: str

    @classmethod
    def by(cls, request: Request) -> "Asked":
        """Read it from a request, where a header may stand on several lines."""
        lines = request.headers.getlist
        return cls(",".join(lines("accept-encoding")), ",".join(lines("if-none-match")))


@dataclass(frozen=True, slots=True)
class Representation:
    """A status, headers and a body, ready to be sent."""

    status: int
    headers: RawHeaders
    body: bytes

    def response(self) -> Response:
        """The same for Starlette."""
        response = Response(self.body or None, self.status)
        response.raw_headers = self.headers
        return response


async def represent(entry: Entry, asked: Asked) -> Representation | None:
    """The entry's bytes as stored, or in the form that the client asks for, or a 304.

    None if the client takes neither zstd nor plain JSON.
    """
    headers: RawHeaders = [NOT_KEPT, VARY]
    if entry.version is not None:
        tag = etag_of(entry)
        headers = [KEPT, VARY, (b"etag", tag.encode())]
        if asked.if_none_match and has_client(asked.if_none_match, tag):
            return Representation(HTTPStatus.NOT_MODIFIED, headers, b"")
    match choose_encoding(asked.accept_encoding, entry.encoding):
        case Encoding.ZSTD:
            body = entry.zstd()
            headers.append(IN_ZSTD)
        case Encoding.IDENTITY:
            body = await plain(entry)
        case None:
            return None
    headers += (JSON, (b"content-length", b"%d" % len(body)))
    return Representation(HTTPStatus.OK, headers, body)


def not_acceptable() -> Problem:
    """The problem that a client takes no form of the answer."""
    return Problem(
        HTTPStatus.NOT_ACCEPTABLE,
        "Accept-Encoding refuses plain JSON and does not take zstd",
        "Accept identity or zstd.",
        {"Vary": "Accept-Encoding"},
    )


def etag_of(entry: Entry) -> str:
    """The ETag. It is weak, because the compressed and the plain form of an answer share it."""
    return f'W/"{entry.digest}"'


def has_client(if_none_match: str, etag: str) -> bool:
    """Whether the client says that it has the entry with this ETag."""
    known = OPAQUE_TAG.findall(if_none_match)
    return if_none_match.strip() == "*" or etag.removeprefix("W/").strip('"') in known


@lru_cache(maxsize=256)
def choose_encoding(accept_encoding: str, stored: Encoding) -> Encoding | None:
    """How to send a stored body; None if the client takes neither form (RFC 9110, 12.5.3).

    Identity is acceptable unless it is refused. It is preferred only if the client says so.
    """
    weights = dict(map(weight_of, accept_encoding.split(",")))
    others = weights.get("*")
    zstd = weights.get("zstd", others or 0.0)
    identity = weights.get("identity", others)
    if identity == 0:
        return Encoding.ZSTD if zstd > 0 else None
    is_better = zstd > 0 and zstd >= (identity or 0.0)
    return Encoding.ZSTD if is_better and stored is Encoding.ZSTD else Encoding.IDENTITY


def weight_of(item: str) -> tuple[str, float]:
    """``zstd;q=0.5`` as a pair. A weight that is no number counts as 0."""
    coding, _, parameter = item.partition(";")
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return coding.strip().lower(), 1.0
    try:
        return coding.strip().lower(), float(value)
    except ValueError:
        return coding.strip().lower(), 0.0


async def plain(entry: Entry) -> bytes:
    """The JSON text. A large body is decompressed in a thread, to leave the loop free."""
    if entry.encoding is Encoding.ZSTD and len(entry.body) >= IN_A_THREAD_FROM:
        return await asyncio.to_thread(entry.json)
    return entry.json()
