"""Images are sent to a machine elsewhere: what is missing there, checked, and nothing by halves."""

import io
import os
import random
import signal
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import docker
import docker.errors
import pytest
from cluster.far_host import FarHost
from cluster.operator import Operator
from cluster.test_cut_off import end
from support.json_answers import check
from support.services import POSTGRES_IMAGE, VALKEY_IMAGE, wait_until

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.cluster]

BASE_SIZE, CHANGE_SIZE = 8_000_000, 100_000
Build = Callable[..., str]


@pytest.fixture
def build(docker_client: docker.DockerClient, far: FarHost, run_id: str) -> Iterator[Build]:
    """Builds an image of two layers that do not shrink. Its base stays the same."""
    base = random.Random(run_id).randbytes(BASE_SIZE)
    name = f"wb-test-{run_id}-sent"

    def one(tag: str, change_size: int = CHANGE_SIZE) -> str:
        files = {"base": base, "change": os.urandom(change_size)}
        files["Dockerfile"] = b'FROM scratch\nCOPY base /\nCOPY change /\nCMD ["none"]\n'
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as context:
            for file, content in files.items():
                member = tarfile.TarInfo(file)
                member.size = len(content)
                context.addfile(member, io.BytesIO(content))
        buffer.seek(0)
        docker_client.images.build(
            fileobj=buffer, custom_context=True, tag=f"{name}:{tag}", rm=True, forcerm=True
        )
        return f"{name}:{tag}"

    yield one
    for client in (docker_client, far.client):
        for image in client.images.list(name):
            client.images.remove(image.id, force=True)


def send(operator: Operator, far: FarHost, *words: str, exits: int = 0) -> dict[str, Any]:
    done = operator.wb("images", "send", far.name, *words, "--json", exits=exits)
    answer: dict[str, Any] = check("images send", done.stdout)
    return answer


def id_of(client: docker.DockerClient, name: str) -> str:
    with suppress(docker.errors.ImageNotFound):
        return str(client.images.get(name).id)
    return ""


def test_an_image_arrives_and_of_a_new_build_only_what_has_changed(
    operator: Operator, far: FarHost, build: Build, docker_client: docker.DockerClient
) -> None:
    first = build("1")
    whole = send(operator, far, first)
    assert whole["images"][0]["result"] == "sent"
    assert whole["bytes"] > BASE_SIZE
    assert id_of(far.client, first) == id_of(docker_client, first) != ""
    second = build("2")
    change = send(operator, far, second)
    assert (change["images"][0]["missingLayers"], change["images"][0]["layers"]) == (1, 2)
    assert CHANGE_SIZE < change["bytes"] < 2 * CHANGE_SIZE
    assert id_of(far.client, second) == id_of(docker_client, second) != ""


def test_what_is_there_is_not_sent_again(operator: Operator, far: FarHost) -> None:
    operator.declare()
    answer = send(operator, far)
    results = {image["image"]: image["result"] for image in answer["images"]}
    assert results == dict.fromkeys([POSTGRES_IMAGE, VALKEY_IMAGE, operator.platform], "there")
    assert answer["bytes"] == 0


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(
    operator: Operator, far: FarHost, build: Build
) -> None:
    name = build("1")
    answer = send(operator, far, name, "--dry-run")
    assert answer["images"][0]["result"] == "to be sent"
    assert answer["images"][0]["unpackedBytes"] > BASE_SIZE
    assert id_of(far.client, name) == ""


def test_a_sending_that_is_interrupted_leaves_nothing_there_and_can_be_repeated(
    operator: Operator, far: FarHost, build: Build, docker_client: docker.DockerClient
) -> None:
    name = build("1", 60_000_000)
    with operator.running("images", "send", far.host_url, name) as process:
        assert process.stderr
        next(line for line in process.stderr if "sending" in line)
        process.send_signal(signal.SIGINT)
        code, said = end(process)
    assert code == ExitCode.INTERRUPTED, said
    assert id_of(far.client, name) == ""
    wait_until(lambda: not find_half_loaded(far), "the end of what the engine had received")
    send(operator, far, name)
    assert id_of(far.client, name) == id_of(docker_client, name)


def test_a_sending_that_is_cut_off_leaves_nothing_there_and_names_the_machine(
    operator: Operator, far: FarHost, build: Build, docker_client: docker.DockerClient
) -> None:
    name = build("1", 60_000_000)
    with operator.running("images", "send", far.host_url, name) as process:
        assert process.stderr
        next(line for line in process.stderr if "sending" in line)
        with far.cut_off():
            code, said = end(process)
    assert code == ExitCode.ENGINE_UNREACHABLE, said
    assert f"at {far.host_url}" in said
    assert id_of(far.client, name) == ""
    send(operator, far, name)
    assert id_of(far.client, name) == id_of(docker_client, name)


def find_half_loaded(far: FarHost) -> list[str]:
    """Find what the engine there keeps of an archive until it is whole."""
    return [path.name for path in (far.folder / "data" / "tmp").iterdir()]


def test_a_machine_that_is_not_there_is_named_before_anything_is_read(operator: Operator) -> None:
    operator.declare()
    done = operator.wb("images", "send", "nowhere.invalid", exits=ExitCode.ENGINE_UNREACHABLE)
    assert "ssh://nowhere.invalid" in done.stderr
    assert "Could not resolve" in done.stderr
