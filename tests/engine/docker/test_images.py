"""Images are built, imported and named on a real engine."""

import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from wb_cli.engine.docker.images import Images, name_on_mirror, pack, split_reference
from wb_cli.engine.types import BuildSpec
from wb_cli.errors import EngineError
from wb_cli.provision.recipes import BASE


@pytest.fixture
def name(docker_client: Any, run_id: str) -> Iterator[str]:
    """A name for images of this test. At the end, images of this name are removed."""
    yield f"wb-test-{run_id}:built"
    for image in docker_client.images.list(filters={"label": f"wb.test.images={run_id}"}):
        docker_client.images.remove(image.id, force=True)


def spec(name: str, run_id: str, dockerfile: str, **files: bytes) -> BuildSpec:
    return BuildSpec(
        name,
        {"Dockerfile": dockerfile.encode(), **files},
        arguments={"BASE": BASE},
        labels={"wb.test.images": run_id},
    )


@pytest.mark.engine
def test_a_build_gets_its_files_arguments_and_labels(
    docker_client: Any, name: str, run_id: str
) -> None:
    images = Images(docker_client)
    lines: list[str] = []
    dockerfile = "ARG BASE\nFROM ${BASE}\nCOPY note /note\nRUN cat /note\n"
    images.build(spec(name, run_id, dockerfile, note=b"from the folder\n"), lines.append)
    assert "from the folder" in lines
    assert images.read_labels(name)["wb.test.images"] == run_id


@pytest.mark.engine
def test_the_error_of_a_failed_step_has_its_output(
    docker_client: Any, name: str, run_id: str
) -> None:
    dockerfile = "ARG BASE\nFROM ${BASE}\nRUN echo no such package >&2; exit 9\n"
    with pytest.raises(EngineError, match="no such package") as failure:
        Images(docker_client).build(spec(name, run_id, dockerfile), lambda _: None)
    assert "returned a non-zero code: 9" in failure.value.message
    assert Images(docker_client).find(name) is None


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("postgres", ("postgres", "latest")),
        ("valkey/valkey:8", ("valkey/valkey", "8")),
        ("host:5000/a/b", ("host:5000/a/b", "latest")),
        ("host:5000/a/b:1", ("host:5000/a/b", "1")),
        ("a@sha256:ff", ("a", "sha256:ff")),
    ],
)
def test_a_reference_is_split_at_its_tag(reference: str, expected: tuple[str, str]) -> None:
    assert split_reference(reference) == expected


def test_the_name_on_a_mirror_begins_with_the_mirror() -> None:
    assert name_on_mirror("valkey/valkey:8", "m:5000/") == "m:5000/valkey/valkey:8"
    assert name_on_mirror("valkey/valkey:8", "") == "valkey/valkey:8"


def test_a_build_folder_packs_to_the_same_bytes_and_scripts_can_run() -> None:
    context = {"b.sh": b"#!/bin/sh\n", "a": b"x"}
    packed = pack(context)
    assert packed.getvalue() == pack(dict(reversed(context.items()))).getvalue()
    with tarfile.open(fileobj=packed) as archive:
        modes = {entry.name: entry.mode for entry in archive}
    assert modes == {"a": 0o644, "b.sh": 0o755}
