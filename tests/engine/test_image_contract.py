"""The contract of an ImageStore: one suite for the fake store and the real store."""

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fake_images import FakeImages

from wb_cli.engine.base import ImageStore
from wb_cli.engine.docker.images import Images
from wb_cli.engine.types import BuildSpec
from wb_cli.errors import EngineError, EngineUnreachableError, ImageMissingError, WbError
from wb_cli.provision.recipes import BASE

DOCKERFILE = b"ARG BASE\nFROM ${BASE}\n"


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.engine)])
def images(request: pytest.FixtureRequest, run_id: str) -> Iterator[ImageStore]:
    if request.param == "fake":
        yield FakeImages()
        return
    client: Any = request.getfixturevalue("docker_client")
    yield Images(client)
    for image in client.images.list(filters={"label": f"wb.test.images={run_id}"}):
        client.images.remove(image.id, force=True)


@pytest.fixture
def name(run_id: str) -> str:
    return f"wb-test-{run_id}:contract"


@pytest.fixture
def build(images: ImageStore, name: str, run_id: str) -> Callable[..., None]:
    def one(dockerfile: bytes = DOCKERFILE, tag: str = name) -> None:
        context = {"Dockerfile": dockerfile}
        labels = {"wb.test.images": run_id}
        images.build(BuildSpec(tag, context, {"BASE": BASE}, labels), lambda _: None)

    return one


def test_a_missing_image_is_none_and_has_no_labels(images: ImageStore, name: str) -> None:
    assert images.find(name) is None
    assert images.read_labels(name) == {}


def test_a_build_makes_an_image_with_its_labels(
    images: ImageStore, name: str, build: Callable[..., None], run_id: str
) -> None:
    build()
    assert images.find(name)
    assert images.read_labels(name)["wb.test.images"] == run_id


def test_a_failed_build_makes_no_image_and_its_error_names_the_image(
    images: ImageStore, name: str, build: Callable[..., None]
) -> None:
    with pytest.raises(EngineError, match=f"cannot build {name}"):
        build(b"BAKE cake\n")
    assert images.find(name) is None


def test_an_image_has_one_id_under_all_its_names(
    images: ImageStore, name: str, build: Callable[..., None]
) -> None:
    build()
    other = name.replace("contract", "other")
    images.tag(name, other)
    built, tagged = images.find(name), images.find(other)
    assert built
    assert tagged
    assert built.id == tagged.id
    images.untag(other)
    assert images.find(other) is None
    assert images.find(name)


@pytest.mark.parametrize("call", [lambda i: i.tag("no-such:1", "x:1"), lambda i: i.untag("no:1")])
def test_a_name_without_an_image_is_an_error(
    images: ImageStore, call: Callable[[ImageStore], None]
) -> None:
    with pytest.raises(ImageMissingError):
        call(images)


def test_an_archive_becomes_an_image_and_another_file_is_an_error(
    images: ImageStore, name: str, run_id: str, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "system.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    images.import_archive(tmp_path / "system.tar", name, {"wb.test.images": run_id})
    assert images.read_labels(name) == {"wb.test.images": run_id}
    images.untag(name)
    (tmp_path / "system.tar").write_bytes(b"no archive at all" * 100)
    with pytest.raises(EngineError):
        images.import_archive(tmp_path / "system.tar", name, {})
    assert images.find(name) is None


def test_a_saved_image_can_be_loaded(
    images: ImageStore, name: str, build: Callable[..., None]
) -> None:
    build()
    before = images.find(name)
    archive = list(images.save([name]))
    images.untag(name)
    images.load(archive)
    after = images.find(name)
    assert before
    assert after
    assert after.id == before.id


def test_a_pull_without_an_answering_image_registry_fails_and_leaves_no_image(
    images: ImageStore,
) -> None:
    with pytest.raises(WbError) as caught:
        images.pull("127.0.0.1:9/nothing:1", lambda _: None)
    assert not isinstance(caught.value, EngineUnreachableError)
    assert images.find("127.0.0.1:9/nothing:1") is None


def test_all_images_are_listed_with_their_names_and_labels(
    images: ImageStore, name: str, build: Callable[..., None], run_id: str
) -> None:
    build()
    images.tag(name, f"{name}-again")
    (listed,) = (image for image in images.list_all() if name in image.references)
    assert set(listed.references) == {name, f"{name}-again"}
    assert listed.labels["wb.test.images"] == run_id
    assert listed.bytes > 0
    assert listed.created > 0


def test_the_content_of_an_image_is_the_same_under_all_its_names(
    images: ImageStore, name: str, build: Callable[..., None]
) -> None:
    assert images.read_content(name) is None
    build()
    images.tag(name, f"{name}-again")
    content = images.read_content(name)
    found = images.find(name)
    assert content
    assert found
    assert content == images.read_content(f"{name}-again") == images.read_content(found.id)
    assert content.id == found.id


def test_an_engine_says_for_which_processor_its_images_are(
    images: ImageStore, name: str, build: Callable[..., None]
) -> None:
    build()
    content = images.read_content(name)
    assert content
    assert content.architecture == images.describe_store().architecture != ""
