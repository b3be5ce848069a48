"""Files that hold no images are refused before any engine is asked."""

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
    """Progress that nobody looks at."""


def sealed(file: Path, seal: Any) -> Path:
    """An archive whose seal says what it should not."""
    content = json.dumps(seal).encode()
    with tarfile.open(file, "w") as archive:
        member = tarfile.TarInfo(SEAL)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file


@pytest.mark.parametrize(
    "seal", [[], 1, None, {}, {"sha256": "x"}, {"images": []}, {"sha256": "x", "images": 1}]
)
def test_a_seal_that_is_none_is_refused(tmp_path: Path, seal: Any) -> None:
    with pytest.raises(WbError, match="was not made by `wb images save`"):
        image_file.load(no_engine, sealed(tmp_path / "images.tar", seal), nothing)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WbError, match=r"images\.tar: no such file"):
        image_file.load(no_engine, tmp_path / "images.tar", nothing)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_neither_read_nor_replaced(tmp_path: Path, make: Any) -> None:
    images: Any = None  # not asked either
    path = tmp_path / "images.tar"
    make(path)
    before = path.stat()
    with pytest.raises(UsageError, match=str(path)):
        image_file.load(no_engine, path, nothing)
    with pytest.raises(UsageError, match=str(path)):
        image_file.save(images, [], path, nothing)
    assert path.stat().st_mode == before.st_mode
    assert [each.name for each in tmp_path.iterdir()] == ["images.tar"]
