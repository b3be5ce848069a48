"""A disk that is full before, or becomes full in the middle: nothing is harmed, and it is said."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from backup.site import Site

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

MIB = 1024**2
# The instance takes some 70 MiB, and a copy wants 256 MiB to spare.
SIZE_MIB = 480
# So the disk is full before the copy ends.
SLOW = {"WB_BACKUP_LIMIT_READ": "4m"}
REPOSITORY_MIB = 40


@contextmanager
def mounted(folder: Path, size_mib: int) -> Iterator[None]:
    """Mount a small disk."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(folder)]
    subprocess.run(words, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def disk(shared_site: Site) -> Iterator[None]:
    """The small disk on which the instances are. It is there as long as they run."""
    with mounted(shared_site.mount_path, SIZE_MIB):
        yield
        shared_site.wb("stop", "all")


@pytest.fixture(scope="module")
def running(shared_site: Site, disk: None) -> str:
    del disk
    id_ = shared_site.start()
    shared_site.back_up(id_)
    return id_


@pytest.fixture
def id_(shared_site: Site, running: str) -> Iterator[str]:
    """The instance. It serves on all the while, and nothing is left."""
    before, backups = shared_site.state(running), shared_site.backups()
    yield running
    find_ballast(shared_site).unlink(missing_ok=True)
    assert shared_site.state(running) == before
    assert shared_site.count(running) == "1000"
    shared_site.sql(running, "create table t (n int); drop table t")
    assert shared_site.list_copies() == []
    assert shared_site.hidden(running) == set()
    assert shared_site.backups() == backups


def find_ballast(site: Site) -> Path:
    return site.mount_path / "ballast"


def fill(site: Site, room_mib: int) -> None:
    """Leave so much room on the disk."""
    free = shutil.disk_usage(site.mount_path).free
    find_ballast(site).write_bytes(bytes(free - room_mib * MIB))


def prove(site: Site, id_: str) -> dict[str, Any]:
    (proof,) = site.json("backup", "prove", id_, exits=ExitCode.FAILURE)["instances"]
    return dict(proof)


def test_without_room_nothing_is_begun(shared_site: Site, id_: str) -> None:
    fill(shared_site, 20)
    said = shared_site.wb("backup", id_, exits=ExitCode.FAILURE).stderr
    assert "there is no room for a copy of the databases" in said
    proof = prove(shared_site, id_)
    assert (proof["result"], "there is no room for it" in proof["reason"]) == ("unknown", True)
    words = ("restore", id_, "--yes", "--no-backup")
    said = shared_site.wb(*words, exits=ExitCode.FAILURE).stderr
    assert "there is no room for the backup" in said
    said = shared_site.wb("clone", id_, f"{id_}-new", exits=ExitCode.FAILURE).stderr
    assert "there is no room for the backup" in said
    assert f"{id_}-new" not in shared_site.servers_file.read_text()


def become_full(site: Site, moment: str, *words: str) -> str:
    done = site.launch(f"fill:{find_ballast(site)}", moment, *words)
    assert find_ballast(site).exists(), f"{moment} did not come"
    assert done.returncode == ExitCode.FAILURE, done.stdout
    return done.stdout + done.stderr


def test_a_disk_that_becomes_full_ends_a_copy(shared_site: Site, id_: str) -> None:
    said = become_full(shared_site.under(SLOW), "amid copy", "backup", id_, "--full")
    assert "no space left on device" in said.lower()


@pytest.mark.parametrize("moment", ["amid fetch databases", "created examine"])
def test_a_disk_that_becomes_full_makes_a_trial_none(
    shared_site: Site, id_: str, moment: str
) -> None:
    said = become_full(shared_site, moment, "backup", "prove", id_)
    assert "could not be checked" in said
    assert "no space left on device" in said.lower()


@pytest.mark.parametrize("moment", ["amid fetch databases", "created password"])
def test_a_disk_that_becomes_full_ends_a_restore_before_the_stop(
    shared_site: Site, id_: str, moment: str
) -> None:
    said = become_full(shared_site, moment, "restore", id_, "--yes", "--no-backup")
    assert "no space left on device" in said.lower()


@pytest.mark.parametrize("moment", ["amid fetch databases", "created password"])
def test_a_disk_that_becomes_full_leaves_nothing_of_a_clone(
    shared_site: Site, id_: str, moment: str
) -> None:
    new = f"{id_}-full"
    said = become_full(shared_site, moment, "clone", id_, new)
    assert "no space left on device" in said.lower()
    assert not shared_site.folder(new).exists()
    assert new not in shared_site.servers_file.read_text()


def test_a_full_repository_takes_no_backup_and_gives_those_that_it_has(
    shared_site: Site, id_: str, tmp_path: Path
) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    site = shared_site.under({"WB_BACKUP_REPOSITORY": str(folder)})
    with mounted(folder, REPOSITORY_MIB):
        backup = site.back_up(id_)
        site.launch(f"fill:{folder}/ballast", "before cat", "backup", id_)
        said = site.wb("backup", id_, exits=ExitCode.FAILURE).stderr
        assert "no space left on device" in said
        assert "Make room there" in said
        assert site.backups() == [backup]
        site.wb("clone", id_, f"{id_}-of-it")
        assert site.count(f"{id_}-of-it") == "1000"
        site.wb("stop", f"{id_}-of-it")
        (folder / "ballast").unlink()
        assert site.back_up(id_) in site.backups()
