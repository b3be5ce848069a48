"""The entry. It is encoded once, and L1, L2 and the HTTP answer share the bytes.

In L2 an entry is an envelope of version hash, code fingerprint and data. A small entry is the JSON
document ``{"versionHash": ..., "fingerprint": ..., "data": ...}``. A larger entry is a zstd stream
of two frames: a skippable frame with version and fingerprint, and a frame with the data alone. So
the version is read without decompressing, the data frame is served as it is
(``Content-Encoding: zstd``), and ``valkey-cli get KEY | zstd -d`` shows the data.
"""

import struct
import sys
import threading
import zlib
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final

import msgspec
import orjson
import zstandard

from wb_cli.server.cache.lossless import check, to_json

COMPRESS_FROM: Final = 4096  # bytes of JSON
ZSTD_LEVEL: Final = 1
DIGEST_BYTES: Final = 12

_SKIPPABLE = struct.Struct("<II")  # magic number and length, as RFC 8878 has it
_SKIPPABLE_MAGIC = 0x184D2A50
_JSON_HEAD = b'{"versionHash":'


class Encoding(StrEnum):
    """How the body is stored; the value is the HTTP `Content-Encoding`."""

    IDENTITY = "identity"
    ZSTD = "zstd"


class GarbageError(ValueError):
    """The bytes under one of our keys are not one of our envelopes."""


class Entry:
    """One answer: a version and the encoded data. It never changes.

    ``version`` is None if the data was unsettled when it was read. Such an entry is never stored.
    ``body`` is the body of the HTTP answer, encoded as ``encoding`` says.
    """

    __slots__ = ("_digest", "body", "encoding", "fingerprint", "version")

    def __init__(
        self, version: str | None, fingerprint: str, body: bytes, encoding: Encoding
    ) -> None:
        self.version = version
        self.fingerprint = fingerprint
        self.body = body
        self.encoding = encoding
        self._digest = ""

    def __repr__(self) -> str:
        return f"<Entry {self.version!r}, {len(self.body)} bytes {self.encoding}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self.wire() == other.wire()

    def __hash__(self) -> int:
        return hash((self.version, self.fingerprint, self.body))

    @property
    def digest(self) -> str:
        """A digest of the body, in hex. The same data has the same digest under every version."""
        if not self._digest:
            self._digest = blake2b(self.body, digest_size=DIGEST_BYTES).hexdigest()
        return self._digest

    def json(self) -> bytes:
        """The data as JSON text. A compressed body is decompressed."""
        if self.encoding is Encoding.IDENTITY:
            return self.body
        return _zstd().decompress(self.body)

    def zstd(self) -> bytes:
        """The data as a zstd frame. A plain body is compressed."""
        if self.encoding is Encoding.ZSTD:
            return self.body
        return _zstd().compress(self.body)

    def value(self) -> Any:
        """The data, decoded anew at each call, so that the caller may change it."""
        return orjson.loads(self.json())

    def wire(self) -> bytes:
        """The envelope as it is stored in L2."""
        names = {"versionHash": self.version, "fingerprint": self.fingerprint}
        if self.encoding is Encoding.IDENTITY:
            return orjson.dumps(names)[:-1] + b',"data":' + self.body + b"}"
        sums = {"bytes": len(self.body), "crc32": zlib.crc32(self.body)}
        head = orjson.dumps(names | sums)
        return _SKIPPABLE.pack(_SKIPPABLE_MAGIC, len(head)) + head + self.body


def encode(data: Any, version: str | None, fingerprint: str) -> Entry:
    """Make an entry; raises `UnfaithfulValueError` for data that JSON would change."""
    return finish(data, to_json(data), version, fingerprint)


def finish(data: Any, encoded: bytes, version: str | None, fingerprint: str) -> Entry:
    """The slower part of :func:`encode`: check and compress. May run in a thread."""
    check(data, encoded)
    if len(encoded) >= COMPRESS_FROM:
        compressed = _zstd().compress(encoded)
        if len(compressed) < len(encoded):
            return Entry(version, fingerprint, _to_size(compressed), Encoding.ZSTD)
    return Entry(version, fingerprint, _to_size(encoded), Encoding.IDENTITY)


def _to_size(body: bytes) -> bytes:
    """Copy the body into memory of exactly its size.

    Encoders work in a larger buffer and then shrink it. The rest of the buffer would stay as a
    hole in the heap beside the body.
    """
    return bytes(memoryview(body))


def decode(wire: bytes) -> Entry:
    """Read an envelope without decoding its data; raises `GarbageError` for anything else."""
    try:
        if wire.startswith(_JSON_HEAD):
            return _decode_json(wire)
        return _decode_zstd(wire)
    except (msgspec.MsgspecError, UnicodeError, struct.error) as error:
        raise GarbageError(str(error)) from error


def peek_version(prefix: bytes) -> tuple[str, str] | None:
    """Version and fingerprint from an envelope's first bytes; None if the bytes lack them."""
    try:
        if not prefix.startswith(_JSON_HEAD):
            head, _ = _split(prefix)
            return head.versionHash, head.fingerprint
        names = prefix[: prefix.index(b',"data":')] + b"}"
        document = msgspec.json.decode(names, type=_Names)
    except (ValueError, struct.error):
        return None
    else:
        return document.versionHash, document.fingerprint


def key(cache: str, uniqueness: str) -> bytes:
    """The L2 key."""
    return f"cache:{cache}:{uniqueness}".encode(errors="surrogatepass")


# The names are those of the stored envelope.


class _Names(msgspec.Struct, gc=False):
    versionHash: str  # noqa: N815
    fingerprint: str


class _Head(_Names):
    bytes: int
    crc32: int


class _Document(_Names):
    data: msgspec.Raw


_document = msgspec.json.Decoder(_Document)
_head = msgspec.json.Decoder(_Head)


def _decode_json(wire: bytes) -> Entry:
    # Raw checks the JSON grammar without building the data, but it accepts any bytes in strings.
    document = _document.decode(wire)
    if not wire.isascii():
        wire.decode()
    fingerprint = sys.intern(document.fingerprint)  # the same in every entry
    return Entry(document.versionHash, fingerprint, bytes(document.data), Encoding.IDENTITY)


def _decode_zstd(wire: bytes) -> Entry:
    head, start = _split(wire)
    body = wire[start:]
    if len(body) != head.bytes or zlib.crc32(body) != head.crc32:
        raise GarbageError("the data is not what was stored")
    return Entry(head.versionHash, sys.intern(head.fingerprint), body, Encoding.ZSTD)


def _split(wire: bytes) -> tuple[_Head, int]:
    magic, length = _SKIPPABLE.unpack_from(wire)
    if magic != _SKIPPABLE_MAGIC:
        raise GarbageError("neither JSON nor zstd of ours")
    start = _SKIPPABLE.size + length
    return _head.decode(wire[_SKIPPABLE.size : start]), start


class _Zstd(threading.local):
    """Compressor and decompressor of one thread. Two threads must not share them."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress
        self._decompress = zstandard.ZstdDecompressor().decompress

    def decompress(self, body: bytes) -> bytes:
        return self._decompress(body)


_per_thread = _Zstd()


def _zstd() -> _Zstd:
    return _per_thread
