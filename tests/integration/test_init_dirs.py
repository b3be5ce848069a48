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


def read_mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def init_dirs(host: Host, id_: str, command: str = "init-dirs") -> str:
    return host.wb(command, id_, DOCKER_HOST="unix:///nowhere/docker.sock").stdout


def test_the_five_folders_are_made_and_the_sandbox_is_open_to_all(host: Host) -> None:
    id_ = host.declare()
    folder = host.folder(id_)
    assert init_dirs(host, id_) == f"{id_}: created in {folder}: {', '.join(NAMES)}\n"
    assert {path.name: read_mode(path) for path in folder.iterdir()} == {
        "databases": 0o755,
        "sandbox": 0o777,
        "exports": 0o755,
        "assets": 0o755,
        "valkey_data": 0o755,
    }


def test_a_second_init_dirs_changes_nothing(host: Host) -> None:
    id_ = host.declare()
    init_dirs(host, id_)
    folder = host.folder(id_)
    (folder / "databases" / "file").write_text("kept")
    (folder / "sandbox").chmod(0o700)
    assert init_dirs(host, id_, "dirs") == f"{id_}: nothing to do: its folders are there\n"
    assert (folder / "databases" / "file").read_text() == "kept"
    assert read_mode(folder / "sandbox") == 0o700


def test_an_existing_instance_that_only_lacks_valkey_data_gets_it(host: Host) -> None:
    id_ = host.declare()
    init_dirs(host, id_)
    (host.folder(id_) / "valkey_data").rmdir()
    assert init_dirs(host, id_) == f"{id_}: created in {host.folder(id_)}: valkey_data\n"


def test_of_many_instances_only_those_that_lacked_a_folder_are_named(host: Host) -> None:
    old, older, new = host.declare(), host.declare(), host.declare()
    init_dirs(host, old)
    init_dirs(host, older)
    assert init_dirs(host, "all").splitlines() == [
        f"{new}: created in {host.folder(new)}: {', '.join(NAMES)}",
        "2 of 3 instances: nothing to do: their folders are there",
    ]


def test_the_folders_lie_in_instance_dir(host: Host) -> None:
    id_ = host.declare(instanceDir="country/one")
    init_dirs(host, id_)
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


def test_the_json_answer_tells_which_folders_were_made(host: Host) -> None:
    id_ = host.declare()
    (made,) = host.json("init-dirs", id_)["instances"]
    assert made["id"] == id_
    assert made["folders"][0] == {"path": f"{host.folder(id_)}/databases", "created": True}
