"""Write an archive of images with a seal as its last member. The output may be a pipe.

The seal holds the names of the images and a checksum of everything before it. Engines load the
archive with the seal in it, and ignore the seal.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SEAL = "wb-images.json"


def write_sealed(
    chunks: Iterator[bytes], references: Sequence[str], write: Callable[[bytes], object]
) -> None:
    """Pass on the members of an archive, then the seal, then the mark of the end.

    Raises:
        tarfile.TarError: the input is not an archive.
    """
    archive = _Passing(chunks, write)
    with tarfile.open(fileobj=cast("IO[bytes]", archive), mode="r|") as members:
        while members.next():
            archive.pass_until(members.offset)
    for block in _seal(references, archive.checksum.hexdigest(), archive.passed):
        write(block)


def _seal(references: Sequence[str], checksum: str, before: int) -> Iterator[bytes]:
    """Give the seal as a member, and the zeros that fill the archive's last record."""
    content = json.dumps({"images": list(references), "sha256": checksum}).encode()
    member = tarfile.TarInfo(SEAL)
    member.size = len(content)
    seal = member.tobuf() + content + bytes(-len(content) % tarfile.BLOCKSIZE)
    end = 2 * tarfile.BLOCKSIZE
    yield seal + bytes(end + -(before + len(seal) + end) % tarfile.RECORDSIZE)


class _Passing:
    """A stream for a reader. It passes on the bytes up to a limit that the reader's owner moves."""

    def __init__(self, chunks: Iterator[bytes], write: Callable[[bytes], object]) -> None:
        self.checksum = hashlib.sha256()
        self.passed = 0
        self._chunks = chunks
        self._write = write
        self._unread = b""
        self._held = bytearray()
        self._limit = 0

    def read(self, size: int) -> bytes:
        """Read at most ``size`` bytes. None are left at the end."""
        while not self._unread and (chunk := next(self._chunks, b"")):
            self._unread = chunk
        piece, self._unread = self._unread[:size], self._unread[size:]
        self._held += piece
        self._pass_on()
        return piece

    def pass_until(self, limit: int) -> None:
        """Pass on all bytes before this offset of the archive."""
        self._limit = limit
        self._pass_on()

    def _pass_on(self) -> None:
        count = min(len(self._held), self._limit - self.passed)
        if count > 0:
            piece = bytes(self._held[:count])
            del self._held[:count]
            self.checksum.update(piece)
            self._write(piece)
            self.passed += count
