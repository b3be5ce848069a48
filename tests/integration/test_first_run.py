"""The first run of an instance makes its folders; a later one never does."""

import shutil

import pytest
from support.wb_host import Host

from wb_cli.contract import FOLDERS
from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.long]


def test_an_instance_needs_no_more_than_a_declaration_to_run(host: Host) -> None:
    id_ = host.declare()
    planned = host.wb("run", id_, "--dry-run")
    assert f"{id_}  + folders   create: {host.folder(id_)}" in planned.stdout
    assert planned.stdout.endswith("5 to create; nothing was changed\n")
    (instance,) = host.json("run", id_, "--dry-run")["instances"]
    assert instance["plan"]["changes"][0] == {
        "action": "create",
        "part": "folders",
        "reason": str(host.folder(id_)),
    }
    assert not host.folder(id_).exists()
    assert not (host.root / "secrets" / f"{id_}.json").exists()

    done = host.wb("run", id_)
    assert f"{id_}: its folders were made in {host.folder(id_)}" in done.stderr
    assert {path.name for path in host.folder(id_).iterdir()} == set(FOLDERS)
    assert host.sql(id_, "SELECT 1") == "1"
    assert "were made" not in host.wb("run", id_).stderr


def test_restart_of_an_instance_that_never_ran_makes_its_folders_too(host: Host) -> None:
    id_ = host.declare()
    host.wb("restart", id_)
    assert {path.name for path in host.folder(id_).iterdir()} == set(FOLDERS)


def test_an_instance_that_ran_and_whose_folder_is_gone_is_refused(host: Host) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    host.wb("stop", id_)
    shutil.rmtree(host.folder(id_))
    for command in ("run", "restart"):
        done = host.wb(command, id_, exits=ExitCode.FAILURE)
        assert f"{id_} was started before, and its folder {host.folder(id_)} is gone" in done.stderr
        assert f"may not be mounted (probably {host.mount_path})" in done.stderr
        assert not host.folder(id_).exists()
    host.wb("init-dirs", id_)
    host.wb("run", id_)


def test_a_first_run_that_cannot_begin_makes_nothing(host: Host) -> None:
    id_ = host.declare(image="wb-platform:no-such")
    host.wb("run", id_, exits=ExitCode.FAILURE)
    assert not host.folder(id_).exists()
    assert not (host.root / "secrets" / f"{id_}.json").exists()


def test_a_mount_path_that_is_not_there_is_not_made(host: Host) -> None:
    id_ = host.declare()
    host.mount_path.rmdir()
    done = host.wb("run", id_, exits=ExitCode.FAILURE)
    assert f"`mkdir -p {host.mount_path}`" in done.stderr
    assert not host.mount_path.exists()
