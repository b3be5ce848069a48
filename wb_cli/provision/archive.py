"""Save images to a file and load them, for a host without a registry.

The file is as `docker save` writes it, with a seal at its end.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from wb_cli.errors import EngineError, ImageMissingError, UsageError, WbError
from wb_cli.instances.files import file_errors, written_whole
from wb_cli.lifecycle.guard.interrupts import ended_by_signals
from wb_cli.provision.sealed_archive import SEAL, write_sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wb_cli.engine.base import ImageStore

    OnBytes = Callable[[int], None]

CHUNK = 1024 * 1024
STANDARD_INPUT = "standard input"


def save(
    images: ImageStore,
    references: Sequence[str],
    file: Path,
    on_bytes: OnBytes,
    *,
    force: bool = False,
) -> None:
    """Write images to a file, completely or not at all. ``force`` replaces an existing file.

    Raises:
        UsageError: the file is there already, or is not an ordinary file.
        ImageMissingError: one of the images is not on the engine.
        WbError: the engine failed, the file cannot be written, or a signal came.
    """
    _refuse_other_than_file(file)
    if file.exists() and not force:
        raise UsageError(f"{file} is there already", "`--force` replaces it.")
    with written_whole(file) as output:
        save_to(images, references, output.write, on_bytes)


def save_to(
    images: ImageStore,
    references: Sequence[str],
    write: Callable[[bytes], object],
    on_bytes: OnBytes,
) -> None:
    """Write images piece by piece, for example to a pipe.

    Raises:
        ImageMissingError: one of the images is not on the engine. Nothing was written.
        WbError: the engine failed, or a signal came.
    """
    for reference in references:
        if images.find(reference) is None:
            raise ImageMissingError(f"{reference} is not on this engine", "`wb setup` gets it.")
    done = 0

    def count(piece: bytes) -> None:
        nonlocal done
        write(piece)
        done += len(piece)
        on_bytes(done)

    with ended_by_signals(), closing(images.save(references)) as chunks:
        try:
            write_sealed(chunks, references, count)
        except tarfile.TarError as error:
            raise EngineError(f"the engine's archive of images is none: {error}") from error


def load(open_images: Callable[[], ImageStore], file: Path, on_bytes: OnBytes) -> tuple[str, ...]:
    """Check a file, load its images and give their names. The engine is asked after the check.

    Raises:
        UsageError: it is not an ordinary file.
        WbError: the file was damaged on its way, or the engine refused it.
    """
    _refuse_other_than_file(file)
    return _load(open_images, file, str(file), on_bytes)


def load_from(
    source: BinaryIO, open_images: Callable[[], ImageStore], on_bytes: OnBytes
) -> tuple[str, ...]:
    """Load images from a pipe. A temporary file holds its content until it is checked."""
    with tempfile.NamedTemporaryFile(prefix="wb-images-") as kept:
        with file_errors(Path(kept.name), "write"):
            shutil.copyfileobj(source, kept, CHUNK)
            kept.flush()
        return _load(open_images, Path(kept.name), STANDARD_INPUT, on_bytes)


def _load(
    open_images: Callable[[], ImageStore], file: Path, name: str, on_bytes: OnBytes
) -> tuple[str, ...]:
    with file_errors(file, "read"):
        references = check(file, name)
        images = open_images()
        images.load(_read_chunks(file, file.stat().st_size, on_bytes))
    for reference in references:
        if images.find(reference) is None:
            raise ImageMissingError(f"{reference} is not on the engine though {name} was loaded")
    return references


def check(file: Path, name: str) -> tuple[str, ...]:
    """Check that a file is whole, and give the names of its images. Errors call it ``name``.

    Raises:
        WbError: the file is cut off, is damaged, or was not made by wb.
    """
    try:
        with tarfile.open(file, "r:") as archive:
            member = archive.getmember(SEAL)
            seal = json.load(archive.extractfile(member) or io.BytesIO())
        checksum, references = seal["sha256"], tuple(map(str, seal["images"]))
    except (tarfile.TarError, KeyError, EOFError, ValueError, TypeError):
        raise WbError(
            f"{name} is cut off, or was not made by `wb images save`",
            "Carry the file over once more.",
        ) from None
    is_whole = file.stat().st_size % tarfile.RECORDSIZE == 0
    if not is_whole or _compute_checksum(file, member.offset) != checksum:
        raise WbError(f"{name} was damaged or cut off on its way", "Carry the file over once more.")
    return references


def _refuse_other_than_file(file: Path) -> None:
    """Refuse a named pipe, which cannot be read twice, and a device, which must not be replaced."""
    if file.exists() and not file.is_file():
        raise UsageError(
            f"{file} is a folder, a pipe or a device, and no file",
            "Name an ordinary file, or `-` for a pipe.",
        )


def _compute_checksum(file: Path, size: int) -> str:
    total = hashlib.sha256()
    for chunk in _read_chunks(file, size, lambda _: None):
        total.update(chunk)
    return total.hexdigest()


def _read_chunks(file: Path, size: int, on_bytes: OnBytes) -> Iterator[bytes]:
    done = 0
    with file.open("rb") as content:
        while chunk := content.read(min(CHUNK, size - done)):
            yield chunk
            done += len(chunk)
            on_bytes(done)
