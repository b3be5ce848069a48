"""Images are carried in a file, on a real engine."""

import io
import os
import random
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wb_cli.engine.docker.images import Images
from wb_cli.errors import ExitCode, ImageMissingError, WbError
from wb_cli.provision import archive as image_file

pytestmark = pytest.mark.engine

SIZE = 300_000  # of what does not shrink: some engines keep their layers compressed


@pytest.fixture
def names(docker_client: Any, run_id: str) -> Iterator[list[str]]:
    """Two small images on this engine."""
    names = [f"wb-test-{run_id}-carried:{number}" for number in (1, 2)]
    for name in names:
        repository, _, tag = name.partition(":")
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo(f"content-of-{tag}")
            entry.size = SIZE
            tar.addfile(entry, io.BytesIO(random.randbytes(SIZE)))
        docker_client.api.import_image_from_data(archive.getvalue(), repository, tag)
    yield names
    remove_images(docker_client, names)


def remove_images(client: Any, names: list[str]) -> None:
    for name in names:
        if client.images.list(name):
            client.images.remove(name, force=True)


def ignore(_: int) -> None:
    """Ignore the progress."""


def test_images_are_loaded_as_they_were_saved(
    docker_client: Any, names: list[str], tmp_path: Path
) -> None:
    images = Images(docker_client)
    before = [images.find(name) for name in names]
    file = tmp_path / "images.tar"
    saved: list[int] = []
    loaded: list[int] = []
    image_file.save(images, names, file, saved.append)
    remove_images(docker_client, names)
    assert image_file.load(lambda: images, file, loaded.append) == tuple(names)
    assert [images.find(name) for name in names] == before
    assert saved[-1] > 2 * SIZE
    assert loaded[-1] == file.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["images.tar"]


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_refused_before_anything_is_loaded(
    docker_client: Any, names: list[str], tmp_path: Path, kept: float
) -> None:
    images = Images(docker_client)
    file = tmp_path / "images.tar"
    image_file.save(images, names, file, ignore)
    remove_images(docker_client, names)
    with file.open("r+b") as content:
        content.truncate(int(file.stat().st_size * kept))
    with pytest.raises(WbError, match="cut off"):
        image_file.load(lambda: images, file, ignore)
    assert images.find(names[0]) is None


def test_a_damaged_byte_is_an_error(docker_client: Any, names: list[str], tmp_path: Path) -> None:
    images = Images(docker_client)
    file = tmp_path / "images.tar"
    image_file.save(images, names, file, ignore)
    remove_images(docker_client, names)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(WbError, match="damaged"):
        image_file.load(lambda: images, file, ignore)
    assert images.find(names[0]) is None


def test_a_missing_image_is_named_and_leaves_no_file(docker_client: Any, tmp_path: Path) -> None:
    with pytest.raises(ImageMissingError, match="no-such-image:1"):
        image_file.save(Images(docker_client), ["no-such-image:1"], tmp_path / "x.tar", ignore)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_wb_did_not_write_is_refused(docker_client: Any, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"hello" * 1000)
    with pytest.raises(WbError, match="not made by"):
        image_file.load(lambda: Images(docker_client), tmp_path / "x.tar", ignore)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_save_that_a_signal_ends_leaves_no_file(
    docker_client: Any, names: list[str], tmp_path: Path, number: signal.Signals
) -> None:
    def interrupt(_: int) -> None:
        os.kill(os.getpid(), number)

    with pytest.raises(WbError, match="interrupted") as caught:
        image_file.save(Images(docker_client), names, tmp_path / "x.tar", interrupt)
    assert caught.value.exit_code in {ExitCode.INTERRUPTED, ExitCode.TERMINATED}
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def start_wb(names: list[str], tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start `wb images` on a host without instances, which needs these two images."""
    environ = os.environ | {
        "WB_CONFIG_DIR": str(tmp_path / "config"),
        "SERVERS_FILE_PATH": str(tmp_path / "servers.json"),
        "WB_POSTGRES_IMAGE": names[0],
        "WB_VALKEY_IMAGE": names[1],
        "WB_PLATFORM_IMAGE": names[1],
    }

    def start(*words: str, **streams: Any) -> subprocess.Popen[bytes]:
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        process: subprocess.Popen[Any] = subprocess.Popen(
            [sys.executable, "-m", "wb_cli", "images", *words],
            env=environ,
            cwd=tmp_path,
            **(given | streams),
        )
        return process

    return start


StartWb = Callable[..., subprocess.Popen[bytes]]


def test_images_that_pass_through_a_pipe_are_loaded_as_they_were_saved(
    docker_client: Any, names: list[str], start_wb: StartWb
) -> None:
    images = Images(docker_client)
    before = [images.find(name) for name in names]
    sent, talk = start_wb("save", "-", stdout=subprocess.PIPE).communicate()
    assert all(name in talk.decode() for name in names)
    remove_images(docker_client, names)
    loading = start_wb("load", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    answer, _ = loading.communicate(sent)
    assert (loading.returncode, set(answer.decode().split())) == (0, set(names))
    assert [images.find(name) for name in names] == before


def test_a_pipe_that_was_cut_off_is_refused(
    docker_client: Any, names: list[str], start_wb: StartWb
) -> None:
    sent, _ = start_wb("save", "-", stdout=subprocess.PIPE).communicate()
    remove_images(docker_client, names)
    loading = start_wb("load", "-", stdin=subprocess.PIPE)
    _, talk = loading.communicate(sent[: len(sent) // 2])
    assert loading.returncode == ExitCode.FAILURE
    assert b"standard input is cut off" in talk
    assert Images(docker_client).find(names[0]) is None


def test_a_pipe_whose_reader_has_gone_is_a_failure(start_wb: StartWb) -> None:
    saving = start_wb("save", "-", stdout=subprocess.PIPE)
    assert saving.stdout is not None
    saving.stdout.close()
    _, talk = saving.communicate()
    assert saving.returncode == ExitCode.FAILURE
    assert b"whoever reads the answer went away" in talk


def test_images_are_not_written_to_a_terminal(start_wb: StartWb) -> None:
    controller, terminal = os.openpty()
    saving = start_wb("save", "-", stdout=terminal)
    os.close(terminal)
    _, talk = saving.communicate()
    assert saving.returncode == ExitCode.USAGE
    assert b"images are not written to a terminal" in talk
    os.close(controller)


def test_an_existing_file_is_replaced_only_with_force(start_wb: StartWb, tmp_path: Path) -> None:
    file = tmp_path / "images.tar"
    file.write_bytes(b"mine")
    saving = start_wb("save", str(file))
    _, talk = saving.communicate()
    assert saving.returncode == ExitCode.USAGE
    assert b"is there already" in talk
    assert file.read_bytes() == b"mine"
    saving = start_wb("save", str(file), "--force")
    saving.communicate()
    assert saving.returncode == ExitCode.OK
    assert file.stat().st_size > 2 * SIZE


def test_only_the_images_that_are_named_are_written(
    docker_client: Any, names: list[str], start_wb: StartWb, tmp_path: Path
) -> None:
    saving = start_wb("save", "images.tar", names[1])
    saving.communicate()
    remove_images(docker_client, names)
    loaded = image_file.load(lambda: Images(docker_client), tmp_path / "images.tar", ignore)
    assert (saving.returncode, loaded) == (ExitCode.OK, (names[1],))


def test_a_word_that_names_no_image_writes_no_file(start_wb: StartWb, tmp_path: Path) -> None:
    saving = start_wb("save", "images.tar", "no-such-image:1")
    _, talk = saving.communicate()
    assert saving.returncode == ExitCode.USAGE
    assert b'"no-such-image:1" is no instance, and no image' in talk
    assert not (tmp_path / "images.tar").exists()
