"""Layers are left out of an archive of images, and the rest stays as it was."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from support.fake_images import FakeImages, make_archive

from wb_cli.errors import EngineError
from wb_cli.provision.sending.thin_archive import compress, leave_out, survey


@pytest.fixture
def images() -> FakeImages:
    images = FakeImages()
    images.have_layers("demo:1", "base", "python", "code")
    return images


def read(pieces: Iterator[bytes]) -> dict[str, bytes]:
    """The files of an archive. Its size must be that of whole records."""
    whole = b"".join(pieces)
    assert len(whole) % tarfile.RECORDSIZE == 0
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        files = {each.name: archive.extractfile(each) for each in archive}
        return {name: file.read() for name, file in files.items() if file}


def test_each_layer_is_found_by_the_manifest(images: FakeImages) -> None:
    contents = survey(images.save(["demo:1"]))
    assert contents.find_files(without={"code"}) == {"base/layer.tar", "python/layer.tar"}


def test_the_rest_of_an_archive_stays_as_it_was(images: FakeImages) -> None:
    before = read(images.save(["demo:1"]))
    after = read(leave_out(images.save(["demo:1"]), {"base/layer.tar"}))
    assert after == {name: before[name] for name in before if name != "base/layer.tar"}


def test_the_measure_of_an_archive_is_what_is_sent_before_its_end(images: FakeImages) -> None:
    left_out = {"base/layer.tar"}
    size = survey(images.save(["demo:1"])).measure(left_out)
    sent = len(b"".join(leave_out(images.save(["demo:1"]), left_out)))
    assert 0 < sent - size <= tarfile.RECORDSIZE + 2 * tarfile.BLOCKSIZE


def test_a_link_to_a_layer_is_left_out_with_it() -> None:
    """An engine writes a layer once, and a link where it is used again."""
    manifest = [{"Config": "c.json", "Layers": ["a/layer.tar", "b/layer.tar"]}]
    config = {"rootfs": {"diff_ids": ["same", "same"]}}
    pieces = make_archive(
        {"a/layer.tar": b"x", "b/layer.tar": b"", "c.json": json.dumps(config).encode()}
        | {"manifest.json": json.dumps(manifest).encode()}
    )
    assert survey(pieces).find_files(without=()) == {"a/layer.tar", "b/layer.tar"}


def test_links_and_folders_pass_as_they_are() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        link = tarfile.TarInfo("a/" + "long" * 60)
        link.type, link.linkname = tarfile.SYMTYPE, "../b/layer.tar"
        folder = tarfile.TarInfo("b")
        folder.type = tarfile.DIRTYPE
        archive.addfile(link)
        archive.addfile(folder)
    sent = b"".join(leave_out([buffer.getvalue()], ()))
    with tarfile.open(fileobj=io.BytesIO(sent)) as archive:
        after_link, after_folder = archive.getmembers()
    assert (after_link.name, after_link.linkname) == (link.name, "../b/layer.tar")
    assert after_folder.isdir()


def test_compressed_bytes_are_gzip() -> None:
    assert gzip.decompress(b"".join(compress([b"some", b"", b" bytes"]))) == b"some bytes"


BROKEN: dict[str, dict[str, Any]] = {
    "no manifest": {"other": 1},
    "a manifest of something else": {"manifest.json": {"a": 1}},
    "a manifest without its configuration": {"manifest.json": [{"Config": "c.json"}]},
    "more layers than it describes": {
        "manifest.json": [{"Config": "c.json", "Layers": ["a"]}],
        "c.json": {"rootfs": {"diff_ids": []}},
    },
}


@pytest.mark.parametrize("documents", BROKEN.values(), ids=BROKEN)
def test_another_archive_is_an_error(documents: dict[str, Any]) -> None:
    pieces = make_archive({name: json.dumps(each).encode() for name, each in documents.items()})
    with pytest.raises(EngineError, match="archive of images is none"):
        survey(pieces)


def test_bytes_that_are_no_archive_are_an_error() -> None:
    with pytest.raises(EngineError, match="archive of images is none"):
        survey([b"no archive" * 1000])
    with pytest.raises(EngineError, match="archive of images is none"):
        list(leave_out([b"no archive" * 1000], ()))
