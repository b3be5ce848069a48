"""wb init-dirs on real folders."""

import stat
from pathlib import Path

import pytest
from support.wb_host import Host

NAMES = ("databases", "sandbox", "exports", "assets", "valkey_data")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine without an engine, as the command needs none."""
    (tmp_path / "instances").mkdir()
    return Host(tmp_path, None, "wb.test.run=none", "wb-platform:1")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def init(host: Host, id_: str, command: str = "init-dirs") -> str:
    return host.wb(command, id_, DOCKER_HOST="unix:///nowhere/docker.sock").stdout


def test_the_five_folders_are_made_and_the_sandbox_is_open_to_all(host: Host) -> None:
    id_ = host.declare()
    folder = host.folder(id_)
    assert init(host, id_) == "".join(f"{id_}: {folder}/{name} created\n" for name in NAMES)
    assert {path.name: mode(path) for path in folder.iterdir()} == {
        "databases": 0o755,
        "sandbox": 0o777,
        "exports": 0o755,
        "assets": 0o755,
        "valkey_data": 0o755,
    }


def test_running_it_again_changes_nothing(host: Host) -> None:
    id_ = host.declare()
    init(host, id_)
    folder = host.folder(id_)
    (folder / "databases" / "file").write_text("kept")
    (folder / "sandbox").chmod(0o700)
    assert init(host, id_, "dirs") == "".join(
        f"{id_}: {folder}/{name} was there\n" for name in NAMES
    )
    assert (folder / "databases" / "file").read_text() == "kept"
    assert mode(folder / "sandbox") == 0o700


def test_an_existing_instance_that_only_lacks_valkey_data_gets_it(host: Host) -> None:
    id_ = host.declare()
    init(host, id_)
    (host.folder(id_) / "valkey_data").rmdir()
    created = [line for line in init(host, id_).splitlines() if line.endswith(" created")]
    assert created == [f"{id_}: {host.folder(id_)}/valkey_data created"]


def test_the_folders_lie_in_instance_dir(host: Host) -> None:
    id_ = host.declare(instanceDir="country/one")
    init(host, id_)
    assert {path.name for path in (host.mount_path / "country/one").iterdir()} == set(NAMES)


def test_a_missing_mount_path_of_the_settings_is_not_made(host: Host) -> None:
    id_ = host.declare()
    host.mount_path.rmdir()
    done = host.wb("init-dirs", id_, exits=1)
    assert (
        f"the mount path {host.mount_path} (from environment MOUNT_PATH) is not there"
        in done.stderr
    )
    assert not host.mount_path.exists()


def test_a_file_in_place_of_a_folder_is_named(host: Host) -> None:
    id_ = host.declare()
    host.folder(id_).mkdir()
    (host.folder(id_) / "exports").write_text("")
    done = host.wb("init-dirs", id_, exits=1)
    assert f"cannot create {host.folder(id_)}/exports: File exists" in done.stderr


def test_as_json(host: Host) -> None:
    id_ = host.declare()
    (made,) = host.json("init-dirs", id_)["instances"]
    assert made["id"] == id_
    assert made["folders"][0] == {"path": f"{host.folder(id_)}/databases", "created": True}
