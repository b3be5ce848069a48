"""An entry as an HTTP answer. The stored bytes are sent as they are, if the client takes them.

The ETag starts with the version. A digest of the uniqueness hash and of the code's fingerprint
follows, because an address may show another entry while the version stays the same. An object's
items do so after a change of its config, and every address does after an upgrade.
"""

import asyncio
import re
from hashlib import sha256
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from wb_cli.server.cache import Encoding, Entry
from wb_cli.server.http.problems import Problem

# Larger bodies take longer to decompress than it takes to hand the work to a thread.
IN_A_THREAD_FROM = 128 * 1024
OPAQUE_TAG = re.compile(r'(?:W/)?"([^"]*)"')
MEDIA_TYPE = "application/json"


def etag_of(uniqueness: str, version: str, fingerprint: str) -> str:
    """The ETag. It is weak, because the compressed and the plain form of an answer share it."""
    digest = sha256(f"{uniqueness}\0{fingerprint}".encode()).hexdigest()[:12]
    return f'W/"{quote(version, safe=":_.-")}~{digest}"'


def has_client(request: Request, etag: str) -> bool:
    """Whether the client says that it has the entry with this ETag."""
    known = ",".join(request.headers.getlist("if-none-match"))
    return known.strip() == "*" or etag.removeprefix("W/").strip('"') in OPAQUE_TAG.findall(known)


def choose_encoding(request: Request, stored: Encoding) -> Encoding | None:
    """How to send a stored body; None if the client takes neither form (RFC 9110, 12.5.3).

    Identity is acceptable unless it is refused. It is preferred only if the client says so.
    """
    weights = dict(map(weight_of, ",".join(request.headers.getlist("accept-encoding")).split(",")))
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


def not_modified(etag: str) -> Response:
    """The answer that the client's copy is current."""
    return Response(None, 304, headers_of(etag))


async def representation(request: Request, entry: Entry, etag: str | None) -> Response:
    """The entry's bytes as stored, or in the form that the client asks for.

    Raises:
        Problem: the client takes neither zstd nor plain JSON.
    """
    headers = headers_of(etag)
    match choose_encoding(request, entry.encoding):
        case Encoding.ZSTD:
            headers["Content-Encoding"] = "zstd"
            return Response(entry.zstd(), 200, headers, MEDIA_TYPE)
        case Encoding.IDENTITY:
            return Response(await plain(entry), 200, headers, MEDIA_TYPE)
        case None:
            raise Problem(
                HTTPStatus.NOT_ACCEPTABLE,
                "Accept-Encoding refuses plain JSON and does not take zstd",
                "Accept identity or zstd.",
                {"Vary": "Accept-Encoding"},
            )


async def plain(entry: Entry) -> bytes:
    """The JSON text. A large body is decompressed in a thread, to leave the loop free."""
    if entry.encoding is Encoding.ZSTD and len(entry.body) >= IN_A_THREAD_FROM:
        return await asyncio.to_thread(entry.json)
    return entry.json()


def headers_of(etag: str | None) -> dict[str, str]:
    """The headers of an entry's answer and of a 304. Unsettled data has no tag and is not kept."""
    if etag is None:
        return {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    return {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding", "ETag": etag}
