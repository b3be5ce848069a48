"""``wb pull`` against a real image registry on loopback."""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.registry import LocalRegistry, push

from wb_cli.engine.docker.images import Images
from wb_cli.engine.pull_progress import PullProgress
from wb_cli.errors import EngineError, ExitCode, WbError
from wb_cli.provision.pull import ImageResult, PullEnding, pull_all, pull_one
from wb_cli.provision.recipes import LABEL_RECIPE

pytestmark = pytest.mark.engine

LAYER_BYTES = 400_000
# Only these images have this label. The label of the run is also on images of other tests.
MADE = "wb.test.pull"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[LocalRegistry]:
    with LocalRegistry(tmp_path) as started:
        yield started


@pytest.fixture
def make_image(docker_client: Any, run_id: str) -> Iterator[Callable[..., str]]:
    """Make a small image of several layers under a name. Every name is removed at the end."""
    names: list[str] = []

    def make(reference: str, **labels: str) -> str:
        names.append(reference)
        repository, _, tag = reference.rpartition(":")
        changes = [f"LABEL {MADE}={run_id}", *(f"LABEL {k}={v}" for k, v in labels.items())]
        base = docker_client.api.import_image_from_data(
            make_layer("one"), repository, tag, changes=changes
        )
        names.append(json.loads(base.splitlines()[-1])["status"])
        dockerfile = f"FROM {reference}\nCOPY two /two\nCOPY three /three\n".encode()
        context = pack({"Dockerfile": dockerfile, **{n: os.urandom(LAYER_BYTES) for n in TWO}})
        list(
            docker_client.api.build(
                fileobj=context, custom_context=True, tag=reference, rm=True, decode=True
            )
        )
        return reference

    yield make
    for image in docker_client.images.list(filters={"label": f"{MADE}={run_id}"}):
        docker_client.images.remove(image.id, force=True)


TWO = ("two", "three")


def make_layer(name: str) -> bytes:
    return pack({name: os.urandom(LAYER_BYTES)}).getvalue()


def pack(files: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    buffer.seek(0)
    return buffer


@pytest.fixture
def publish(
    docker_client: Any, make_image: Callable[..., str], registry: LocalRegistry
) -> Callable[[str], str]:
    """Push an image to the image registry and remove it from the engine. Return its reference."""

    def push_new(name: str) -> str:
        reference = make_image(f"{registry.host}/{name}")
        push(docker_client, reference)
        docker_client.images.remove(reference, force=True)
        return reference

    return push_new


def wb_pull(config: Path, images: list[str], *arguments: str) -> tuple[int, dict[str, str]]:
    """Run the command. Return its exit code and the result of each image."""
    environment = os.environ | {
        "WB_CONFIG_DIR": str(config),
        "SERVERS_FILE_PATH": str(config / "servers.json"),
        "WB_PULL_IMAGES": ",".join(images),
    }
    done = subprocess.run(
        [sys.executable, "-m", "wb_cli", "pull", "--json", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout, done.stderr
    return done.returncode, {
        image["image"]: image["result"] for image in json.loads(done.stdout)["images"]
    }


def pull_images(
    client: Any, references: list[str], silence: float = 30, **options: Any
) -> dict[str, ImageResult]:
    images = Images(client, pull_silence=silence)
    return {
        image.image: image
        for image in pull_all(images, references, lambda *_: None, at_a_time=4, **options)
    }


def test_images_are_fetched_and_a_second_pull_finds_them_up_to_date(
    docker_client: Any, publish: Callable[[str], str], tmp_path: Path
) -> None:
    images = [publish("one:1"), publish("two:1")]
    assert wb_pull(tmp_path, images) == (ExitCode.OK, dict.fromkeys(images, "pulled"))
    assert all(docker_client.images.get(image) for image in images)
    assert wb_pull(tmp_path, images) == (ExitCode.OK, dict.fromkeys(images, "unchanged"))


def test_progress_counts_layers_and_bytes_to_the_end(
    docker_client: Any, publish: Callable[[str], str]
) -> None:
    image = publish("sized:1")
    seen: list[PullProgress] = []
    Images(docker_client).pull(image, seen.append)
    assert (seen[-1].layers_done, seen[-1].layers) == (3, 3)
    assert seen[-1].done == seen[-1].total
    if not keeps_images_in_containerd(docker_client):  # such an engine reports slow layers alone
        assert seen[-1].done >= 2 * LAYER_BYTES
    assert [progress.layers_done for progress in seen] == sorted(
        progress.layers_done for progress in seen
    )


def keeps_images_in_containerd(client: Any) -> bool:
    return "io.containerd.snapshotter.v1" in str(client.info()["DriverStatus"])


def test_a_pull_that_breaks_fails_alone_and_leaves_no_image(
    docker_client: Any, publish: Callable[[str], str], registry: LocalRegistry, tmp_path: Path
) -> None:
    broken = publish("broken:1")
    registry.cut_largest_layer()
    whole = publish("whole:1")
    code, results = wb_pull(tmp_path, [broken, whole])
    assert (code, results) == (ExitCode.PARTIAL, {broken: "failed", whole: "pulled"})
    assert Images(docker_client).find(broken) is None
    assert Images(docker_client).find(whole)


def test_after_an_error_the_image_registry_is_asked_again_and_the_progress_says_so(
    docker_client: Any, publish: Callable[[str], str], registry: LocalRegistry
) -> None:
    image = publish("stumbling:1")
    registry.cut_largest_layer()
    said: list[str] = []

    def mend(progress: PullProgress) -> None:
        if progress.note:
            said.append(progress.note)
            registry.mend_layer()

    assert pull_one(Images(docker_client), image, mend) is PullEnding.PULLED
    (note,) = said
    assert note.startswith("try 2 of 3, after: ")


def test_an_unknown_tag_fails_and_the_exit_code_is_1_if_all_fail(
    registry: LocalRegistry, tmp_path: Path
) -> None:
    unknown = f"{registry.host}/nothing:1"
    assert wb_pull(tmp_path, [unknown]) == (ExitCode.FAILURE, {unknown: "failed"})


def test_the_error_names_an_image_registry_that_does_not_answer(docker_client: Any) -> None:
    (result,) = pull_images(docker_client, ["127.0.0.1:1/x:1"]).values()
    assert result.ending is PullEnding.FAILED
    assert "127.0.0.1:1" in str(result.error)


def test_a_silent_image_registry_is_an_error_and_the_other_pulls_go_on(
    docker_client: Any, publish: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "silent").mkdir()
    whole = publish("alive:1")
    with LocalRegistry(tmp_path / "silent") as silent:
        stuck = f"{silent.host}/stuck:1"
        silent.fall_silent()
        results = pull_images(docker_client, [stuck, whole], silence=1.5)
    assert results[whole].ending is PullEnding.PULLED
    assert results[stuck].ending is PullEnding.FAILED
    assert "no news for 1.5 s" in str(results[stuck].error)


def test_a_mirror_serves_every_image_under_its_own_local_name(
    docker_client: Any,
    make_image: Callable[..., str],
    registry: LocalRegistry,
    run_id: str,
    tmp_path: Path,
) -> None:
    reference = f"wb-test-{run_id}/mirrored:1"
    mirrored = f"{registry.host}/{reference}"
    original = docker_client.images.get(make_image(mirrored)).id
    push(docker_client, mirrored)
    docker_client.images.remove(mirrored, force=True)
    code, results = wb_pull(tmp_path, [reference], "--mirror", registry.host)
    assert (code, results) == (ExitCode.OK, {reference: "pulled"})
    assert docker_client.images.get(reference).id == original
    assert Images(docker_client).find(mirrored) is None


def test_an_image_by_digest_cannot_come_from_a_mirror(docker_client: Any) -> None:
    reference = f"x@sha256:{'0' * 64}"
    with pytest.raises(WbError, match="named by digest"):
        Images(docker_client).pull(reference, lambda _: None, mirror="m:5000")


def test_an_image_built_from_a_recipe_is_skipped_without_asking_an_image_registry(
    make_image: Callable[..., str], registry: LocalRegistry, tmp_path: Path
) -> None:
    built = make_image(f"{registry.host}/built:1", **{LABEL_RECIPE: "x"})
    registry.fall_silent()
    assert wb_pull(tmp_path, [built]) == (ExitCode.OK, {built: "local"})


def test_a_local_image_that_no_image_registry_has_is_skipped(
    make_image: Callable[..., str], registry: LocalRegistry, tmp_path: Path
) -> None:
    local = make_image(f"{registry.host}/local:1")
    assert wb_pull(tmp_path, [local]) == (ExitCode.OK, {local: "local"})


def test_a_pull_of_a_tag_that_moved_brings_the_new_image(
    docker_client: Any, publish: Callable[[str], str]
) -> None:
    image = publish("moving:1")
    images = Images(docker_client)
    images.pull(image, lambda _: None)
    before = images.find(image)
    publish("moving:1")
    images.pull(image, lambda _: None)
    after = images.find(image)
    assert before
    assert after
    assert before.id != after.id


def test_a_refusal_of_the_image_registry_shows_its_own_text(
    docker_client: Any, registry: LocalRegistry
) -> None:
    with pytest.raises(EngineError, match=r"not found|unknown"):
        Images(docker_client).pull(f"{registry.host}/nothing:1", lambda _: None)
