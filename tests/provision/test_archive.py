"""A file without images is refused before the engine is asked."""

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from wb_cli.engine.base import ImageStore
from wb_cli.errors import UsageError, WbError
from wb_cli.provision import archive as image_file
from wb_cli.provision.sealed_archive import SEAL


def no_engine() -> ImageStore:
    pytest.fail("the engine was asked before the file was looked at")


def nothing(_: int) -> None:
    """Ignore the progress."""


def sealed(file: Path, seal: Any) -> Path:
    """An archive with a seal of the test's own."""
    content = json.dumps(seal).encode()
    with tarfile.open(file, "w") as archive:
        member = tarfile.TarInfo(SEAL)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file


@pytest.mark.parametrize(
    "seal", [[], 1, None, {}, {"sha256": "x"}, {"images": []}, {"sha256": "x", "images": 1}]
)
def test_a_damaged_seal_is_refused(tmp_path: Path, seal: Any) -> None:
    with pytest.raises(WbError, match="was not made by `wb images save`"):
        image_file.load(no_engine, sealed(tmp_path / "images.tar", seal), nothing)


def test_the_error_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WbError, match=r"images\.tar: no such file"):
        image_file.load(no_engine, tmp_path / "images.tar", nothing)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_a_path_that_is_not_a_file_is_neither_read_nor_replaced(tmp_path: Path, make: Any) -> None:
    images: Any = None  # it is not asked, either
    path = tmp_path / "images.tar"
    make(path)
    before = path.stat()
    with pytest.raises(UsageError, match=str(path)):
        image_file.load(no_engine, path, nothing)
    with pytest.raises(UsageError, match=str(path)):
        image_file.save(images, [], path, nothing)
    assert path.stat().st_mode == before.st_mode
    assert [file.name for file in tmp_path.iterdir()] == ["images.tar"]
