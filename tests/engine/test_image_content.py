"""The same image is known again on an engine that keeps its images in another way."""

from typing import Any

from wb_cli.engine.image_content import read_content, read_store

INSPECTED: dict[str, Any] = {
    "Id": "sha256:1",
    "Created": "2026-11-26T12:05:00Z",
    "Os": "linux",
    "Architecture": "amd64",
    "Size": 7,
    "Config": {"Env": ["A=b"], "Cmd": ["run"], "Hostname": "", "Labels": {"a": "b"}},
    "RootFS": {"Type": "layers", "Layers": ["sha256:a", "sha256:b"]},
}


def changed(**fields: Any) -> dict[str, Any]:
    return INSPECTED | {"Id": "sha256:2"} | fields


def test_an_image_equals_itself_under_another_id() -> None:
    # Newer engines leave out what is empty.
    config = {"Cmd": ["run"], "Env": ["A=b"], "Labels": {"a": "b"}}
    assert read_content(INSPECTED).equals(read_content(changed(Config=config)))


def test_an_image_that_differs_in_anything_is_another() -> None:
    one = read_content(INSPECTED)
    assert not one.equals(None)
    for fields in (
        {"RootFS": {"Layers": ["sha256:a"]}},
        {"Created": "2026-11-27T12:05:00Z"},
        {"Config": {"Env": ["A=c"], "Cmd": ["run"]}},
        {"Architecture": "arm64"},
    ):
        assert not one.equals(read_content(changed(**fields)))


def test_an_image_is_read_with_its_layers() -> None:
    content = read_content(INSPECTED)
    assert (content.id, content.architecture, content.bytes) == ("sha256:1", "amd64", 7)
    assert content.layers == ("sha256:a", "sha256:b")
    assert read_content({"Id": "sha256:3"}).layers == ()


def test_only_an_engine_with_a_store_of_its_own_completes_images() -> None:
    version = {"Arch": "arm64"}
    own = read_store({"DriverStatus": [["Backing Filesystem", "extfs"]]}, version)
    assert (own.architecture, own.completes_images) == ("arm64", True)
    containerd = {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
    assert not read_store(containerd, version).completes_images
