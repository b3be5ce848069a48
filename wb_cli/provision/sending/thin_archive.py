"""Leave layers out of an archive of images, as `docker save` writes it.

An engine that has a layer already does not ask for its file.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from msgspec import Struct

from wb_cli.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

PIECE = 1024 * 1024
# The manifest and the configurations of images are far smaller.
DOCUMENT_AT_MOST = 4 * 1024 * 1024
MANIFEST = "manifest.json"
# The fastest level. It leaves 4 tenths of an image of Debian packages; the best level leaves 3.5.
LEVEL = 1
GZIP = 16 + zlib.MAX_WBITS


class Contents(Struct, frozen=True):
    """The members of an archive with their sizes, and the layer that a member holds."""

    sizes: Mapping[str, int]
    layers: Mapping[str, str]

    def find_files(self, without: Collection[str]) -> set[str]:
        """Find the members that hold layers other than these."""
        return {name for name, layer in self.layers.items() if layer not in without}

    def measure(self, left_out: Collection[str]) -> int:
        """Measure the archive without some members, up to its end."""
        return sum(size for name, size in self.sizes.items() if name not in left_out)


def survey(chunks: Iterable[bytes]) -> Contents:
    """Read through an archive, and keep what says which member is which layer.

    Raises:
        EngineError: it is no archive of images.
    """
    sizes: dict[str, int] = {}
    documents: dict[str, bytes] = {}
    with _opened(chunks) as archive:
        for member in archive:
            sizes[member.name] = len(member.tobuf()) + _fill(member.size)
            if member.isfile() and member.size <= DOCUMENT_AT_MOST:
                content = cast("IO[bytes]", archive.extractfile(member)).read()
                if content[:1] in {b"{", b"["}:
                    documents[member.name] = content
        return Contents(sizes, dict(_match_layers(documents)))


def leave_out(chunks: Iterable[bytes], names: Collection[str]) -> Iterator[bytes]:
    """Give an archive without the members of these names."""
    size = 0
    with _opened(chunks) as archive:
        for member in archive:
            if member.name in names:
                continue
            for piece in _write_member(archive, member):
                size += len(piece)
                yield piece
    end = 2 * tarfile.BLOCKSIZE
    yield bytes(end + -(size + end) % tarfile.RECORDSIZE)


def compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Compress bytes. Engines know a compressed archive when they see it."""
    packer = zlib.compressobj(LEVEL, wbits=GZIP)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _write_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    yield member.tobuf()
    if member.isfile():
        content = cast("IO[bytes]", archive.extractfile(member))
        while piece := content.read(PIECE):
            yield piece
        yield bytes(_fill(member.size) - member.size)


def _fill(size: int) -> int:
    """The size of a member's content in an archive, which has whole blocks."""
    return size + -size % tarfile.BLOCKSIZE


def _match_layers(documents: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    images: Sequence[Mapping[str, Any]] = json.loads(documents[MANIFEST])
    for image in images:
        layers = json.loads(documents[image["Config"]])["rootfs"].get("diff_ids") or ()
        yield from zip(image.get("Layers") or (), layers, strict=True)


@contextmanager
def _opened(chunks: Iterable[bytes]) -> Iterator[tarfile.TarFile]:
    """Open an archive that comes piece by piece.

    Raises:
        EngineError: it is no archive of images.
    """
    source = cast("IO[bytes]", _Source(iter(chunks)))
    try:
        with tarfile.open(fileobj=source, mode="r|", bufsize=PIECE) as archive:
            yield archive
    except (tarfile.TarError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise EngineError(f"the engine's archive of images is none: {error!r}") from error


class _Source:
    """Reads pieces as one stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int) -> bytes:
        """Read at most ``size`` bytes. None are left at the end."""
        while not self._left and (piece := next(self._pieces, b"")):
            self._left = piece
        piece, self._left = self._left[:size], self._left[size:]
        return piece
