"""Images in a file, for a host without a registry: as `docker save` writes it, and sealed.

The seal is the last member of the archive: the names of the images, and a checksum of everything
before it. Engines load the file as it is, and leave the seal alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from contextlib import closing
from typing import TYPE_CHECKING

from wb_cli.errors import ImageMissingError, UsageError, WbError
from wb_cli.instances.files import translated
from wb_cli.lifecycle.interrupts import ended_by_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from wb_cli.engine.base import ImageStore

    OnBytes = Callable[[int], None]

SEAL = "wb-images.json"
CHUNK = 1024 * 1024


def save(images: ImageStore, references: Sequence[str], file: Path, on_bytes: OnBytes) -> None:
    """Write images to a file, complete or not at all.

    Raises:
        UsageError: something else than a file is there, which would be replaced.
        ImageMissingError: one of them is not on the engine.
        WbError: the engine failed, the file cannot be written, or a signal came.
    """
    _refuse_what_is_no_file(file)
    for reference in references:
        if images.find(reference) is None:
            raise ImageMissingError(f"{reference} is not on this engine", "`wb setup` gets it.")
    part = file.with_name(f".{file.name}.part")
    try:
        with ended_by_signals(), translated(file, "write"):
            with closing(images.save(references)) as chunks:
                _write(part, chunks, on_bytes)
            _seal(part, references)
            part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def load(open_images: Callable[[], ImageStore], file: Path, on_bytes: OnBytes) -> tuple[str, ...]:
    """Check a file and load its images; give their names. The engine is not asked before.

    Raises:
        UsageError: something else than a file is there.
        WbError: the file did not arrive as it was sent, or the engine refused it.
    """
    _refuse_what_is_no_file(file)
    with translated(file, "read"):
        references = check(file)
        images = open_images()
        images.load(_chunks(file, file.stat().st_size, on_bytes))
    for reference in references:
        if images.find(reference) is None:
            raise ImageMissingError(f"{reference} is not on the engine though {file} was loaded")
    return references


def check(file: Path) -> tuple[str, ...]:
    """The names of the images in a file that arrived whole.

    Raises:
        WbError: it is cut off, damaged, or not such a file at all.
    """
    try:
        with tarfile.open(file, "r:") as archive:
            member = archive.getmember(SEAL)
            seal = json.load(archive.extractfile(member) or io.BytesIO())
        checksum, references = seal["sha256"], tuple(map(str, seal["images"]))
    except (tarfile.TarError, KeyError, EOFError, ValueError, TypeError):
        raise WbError(
            f"{file} is cut off, or was not made by `wb images save`",
            "Carry the file over once more.",
        ) from None
    is_whole = file.stat().st_size % tarfile.RECORDSIZE == 0
    if not is_whole or _checksum(file, member.offset) != checksum:
        raise WbError(f"{file} was damaged or cut off on its way", "Carry the file over once more.")
    return references


def _refuse_what_is_no_file(file: Path) -> None:
    """A pipe cannot be checked before it is loaded, and a device must not be replaced."""
    if file.exists() and not file.is_file():
        raise UsageError(
            f"{file} is a folder, a pipe or a device, and no file",
            "Images are carried in an ordinary file: name one.",
        )


def _write(part: Path, chunks: Iterator[bytes], on_bytes: OnBytes) -> None:
    done = 0
    with part.open("wb") as output:
        for chunk in chunks:
            output.write(chunk)
            done += len(chunk)
            on_bytes(done)


def _seal(part: Path, references: Sequence[str]) -> None:
    with tarfile.open(part, "a:") as archive:
        # Where the archive ends now is where the seal will begin.
        checksum = _checksum(part, archive.offset)
        content = json.dumps({"images": list(references), "sha256": checksum}).encode()
        member = tarfile.TarInfo(SEAL)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    with part.open("rb") as written:
        os.fsync(written.fileno())


def _checksum(file: Path, size: int) -> str:
    total = hashlib.sha256()
    for chunk in _chunks(file, size, lambda _: None):
        total.update(chunk)
    return total.hexdigest()


def _chunks(file: Path, size: int, on_bytes: OnBytes) -> Iterator[bytes]:
    done = 0
    with file.open("rb") as content:
        while chunk := content.read(min(CHUNK, size - done)):
            yield chunk
            done += len(chunk)
            on_bytes(done)
