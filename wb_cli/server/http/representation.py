"""An entry as an HTTP answer: the stored bytes as they are, wherever the client takes them.

The ETag starts with the version. A digest of what the entry is and of the code that shaped it
follows, because one address may come to mean another entry while the version stays: an object's
items after its config changed, or anything after an upgrade.
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

# From here on, decompressing takes longer than handing the work to a thread.
IN_A_THREAD_FROM = 128 * 1024
OPAQUE_TAG = re.compile(r'(?:W/)?"([^"]*)"')
MEDIA_TYPE = "application/json"


def etag_of(uniqueness: str, version: str, fingerprint: str) -> str:
    """Weak, because the compressed and the plain form of an answer share it."""
    digest = sha256(f"{uniqueness}\0{fingerprint}".encode()).hexdigest()[:12]
    return f'W/"{quote(version, safe=":_.-")}~{digest}"'


def has_client(request: Request, etag: str) -> bool:
    """Whether the client says that it has this very state."""
    known = ",".join(request.headers.getlist("if-none-match"))
    return known.strip() == "*" or etag.removeprefix("W/").strip('"') in OPAQUE_TAG.findall(known)


def choose_encoding(request: Request, stored: Encoding) -> Encoding | None:
    """How to send what is stored so; None where the client takes neither (RFC 9110, 12.5.3).

    Identity is acceptable unless it is refused, and preferred only where it is named as such.
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
    """``zstd;q=0.5`` as a pair; a weight that is no number refuses."""
    coding, _, parameter = item.partition(";")
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return coding.strip().lower(), 1.0
    try:
        return coding.strip().lower(), float(value)
    except ValueError:
        return coding.strip().lower(), 0.0


def not_modified(etag: str) -> Response:
    """The client's own copy is current."""
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
    """The JSON text, without holding up the loop for a large one."""
    if entry.encoding is Encoding.ZSTD and len(entry.body) >= IN_A_THREAD_FROM:
        return await asyncio.to_thread(entry.json)
    return entry.json()


def headers_of(etag: str | None) -> dict[str, str]:
    """What every such answer says, a 304 too. Unsettled data has no tag and is kept by nobody."""
    if etag is None:
        return {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    return {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding", "ETag": etag}
