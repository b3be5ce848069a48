"""The first start of an instance is told from one whose data is gone."""

from pathlib import Path

import pytest

from wb_cli.host import mounts
from wb_cli.host.mounts import MountPoint, find_unmounted
from wb_cli.lifecycle.guard.first_start import DataState, judge


@pytest.mark.parametrize(
    ("has_folder", "has_secrets", "has_containers", "state"),
    [
        (False, False, False, DataState.NEW),
        (False, True, False, DataState.LOST),
        (False, False, True, DataState.LOST),
        (True, False, False, DataState.THERE),
        (True, True, True, DataState.THERE),
    ],
)
def test_an_instance_without_folder_secrets_and_containers_never_ran(
    has_folder: bool, has_secrets: bool, has_containers: bool, state: DataState
) -> None:
    found = judge(has_folder=has_folder, has_secrets=has_secrets, has_containers=has_containers)
    assert found is state


def mounted(*paths: str) -> list[MountPoint]:
    return [MountPoint(path, "/", "8:1", "ext4", "/dev/sda1", "rw") for path in paths]


@pytest.mark.parametrize(
    ("path", "now", "kept", "volume"),
    [
        ("/data/wb/demo", ["/"], ["/", "/data", "/srv"], "/data"),
        ("/data/wb/demo", ["/", "/data"], ["/data"], ""),
        ("/data/wb/demo", ["/", "/data"], ["/data", "/data/wb"], "/data/wb"),
        ("/database/demo", ["/"], ["/data"], ""),
        ("/data", ["/"], ["/data"], "/data"),
    ],
)
def test_a_volume_that_should_be_mounted_above_a_path_and_is_not_is_found(
    path: str, now: list[str], kept: list[str], volume: str
) -> None:
    assert find_unmounted(Path(path), mounted(*now), kept) == volume


def test_a_machine_without_a_list_of_mounts_has_no_known_volume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> list[MountPoint]:
        raise FileNotFoundError

    monkeypatch.setattr(mounts, "read_mounts", fail)
    assert mounts.find_unmounted_volume(Path("/data")) == ""
