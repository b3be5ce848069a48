"""Repositories that are damaged, locked, or open to no key: what is told, and the way out."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from backup.sftp_server import SftpServer
from backup.site import RESTIC, Site
from support.services import wait_until
from support.wb_host import COMMAND_S

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

# `wb`, which waits 3 seconds for a lock, not 2 minutes.
IMPATIENT = """
import sys
from wb_cli.backup import restic
from wb_cli.cli.app import run
restic.WAITS_FOR_LOCK_S = 3.0
sys.exit(run(sys.argv[1:]))
"""


def flip(pack: Path) -> None:
    with pack.open("r+b") as file:
        file.seek(pack.stat().st_size // 2)
        file.write(b"damage")


def cut(pack: Path) -> None:
    with pack.open("r+b") as file:
        file.truncate(1000)


def lose(pack: Path) -> None:
    pack.unlink()


@pytest.fixture(scope="module")
def id_(shared_site: Site) -> str:
    return shared_site.start()


def prove(site: Site, id_: str, exits: int = 0) -> dict[str, Any]:
    (proof,) = site.json("backup", "prove", id_, exits=exits)["instances"]
    return dict(proof)


@pytest.mark.parametrize("damage", [flip, cut, lose])
def test_damaged_data_fails_a_proof_and_is_mended_by_a_repair_and_a_whole_backup(
    shared_site: Site, id_: str, damage: Callable[[Path], None]
) -> None:
    site = shared_site.under({"WB_BACKUP_REPOSITORY": str(shared_site.root / damage.__name__)})
    site.back_up(id_)
    damage(find_largest(site.root / damage.__name__))
    said = site.wb("backup", "check", "--read", "100%", exits=ExitCode.FAILURE).stderr
    assert "`wb backup check --repair`" in said.replace("\n", " ")
    proof = prove(site, id_, ExitCode.FAILURE)
    assert (proof["result"], "is damaged" in proof["reason"]) == ("failed", True), proof["reason"]
    said = site.wb("backup", "check", "--repair").stdout
    assert "sound" not in said
    site.wb("backup", id_)  # whole, as the last whole one has failed
    assert prove(site, id_)["result"] == "proven"
    (again,) = site.json("backup", "check", "--repair")["places"]
    # What only the older backup needs does not come back.
    assert (again["removed"], again["error"]) == (0, None)


def test_a_damaged_snapshot_is_not_shown_as_no_backup(shared_site: Site, id_: str) -> None:
    site = shared_site.under({"WB_BACKUP_REPOSITORY": str(shared_site.root / "snapshot")})
    backup = site.back_up(id_)
    (snapshot,) = (shared_site.root / "snapshot" / "snapshots").glob(f"{backup}*")
    snapshot.chmod(0o600)
    flip(snapshot)
    done = site.wb("backup", "list", exits=ExitCode.PARTIAL)
    assert f"{backup[:8]}" in done.stderr
    done = site.wb("backup", "forget", "--yes", exits=ExitCode.FAILURE)
    assert f"{backup[:8]}" in done.stderr


@pytest.mark.parametrize("damage", [flip, lose])
def test_damaged_data_ends_a_restore_and_a_clone_before_anything_changes(
    shared_site: Site, id_: str, damage: Callable[[Path], None]
) -> None:
    folder = f"{damage.__name__}-before"
    site = shared_site.under({"WB_BACKUP_REPOSITORY": str(shared_site.root / folder)})
    site.back_up(id_)
    damage(find_largest(site.root / folder))
    refuse_to_bring_back(site, id_, "is damaged")


def find_largest(repository: Path) -> Path:
    """The largest file of data."""
    packs = [path for path in (repository / "data").rglob("*") if path.is_file()]
    largest = max(packs, key=lambda path: path.stat().st_size)
    largest.chmod(0o600)
    return largest


def refuse_to_bring_back(site: Site, id_: str, said: str) -> None:
    """A restore and a clone end with these words. The instance serves on, and nothing is left."""
    before, new = site.state(id_), f"{id_}-new"
    for words in (("restore", id_, "--yes", "--no-backup"), ("clone", id_, new)):
        assert said in site.wb(*words, exits=ExitCode.FAILURE).stderr
        assert (site.state(id_), site.hidden(id_)) == (before, set())
        assert not site.folder(new).exists()
        assert new not in site.servers_file.read_text()
    assert site.count(id_) == "1000"


KEYED = {
    "backup": ("backup", "make", "all"),
    "list": ("backup", "list"),
    "prove": ("backup", "prove"),
    "check": ("backup", "check"),
    "forget": ("backup", "forget", "--yes"),
    "unlock": ("backup", "unlock"),
}


@pytest.mark.parametrize("words", KEYED.values(), ids=KEYED)
def test_a_wrong_key_is_said_to_be_one(shared_site: Site, id_: str, words: tuple[str, ...]) -> None:
    shared_site.wb("backup", id_)
    before = shared_site.backups()
    done = shared_site.ran(*words, WB_BACKUP_KEY="wrong")
    assert done.returncode == ExitCode.FAILURE
    assert "WB_BACKUP_KEY" in done.stderr
    assert shared_site.backups() == before


def test_a_wrong_key_brings_nothing_back_and_changes_nothing(shared_site: Site, id_: str) -> None:
    shared_site.wb("backup", id_)
    refuse_to_bring_back(shared_site.under({"WB_BACKUP_KEY": "wrong"}), id_, "WB_BACKUP_KEY")


def ask_impatiently(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", IMPATIENT, *words],
        env=site.environ,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )


def test_a_server_that_goes_away_in_the_middle_ends_a_restore_and_a_trial(
    shared_site: Site, id_: str, tmp_path: Path
) -> None:
    server = SftpServer(tmp_path / "ssh", shared_site.client)
    server.start()
    more = {**server.environ, "WB_BACKUP_REPOSITORY": server.location}
    site = shared_site.under(more)
    try:
        backup = site.back_up(id_)
        before = site.state(id_)
        for words in (("restore", id_, "--yes", "--no-backup"), ("clone", id_, f"{id_}-new")):
            done = site.launch(f"end:{server.number}", "amid fetch databases", *words)
            server.cut()
            assert done.returncode == ExitCode.FAILURE, done.stderr
            server.start()
            assert (site.state(id_), site.hidden(id_)) == (before, set())
            assert not site.folder(f"{id_}-new").exists()
        (proof,) = site.json("backup", "prove", id_)["instances"]
        assert (proof["result"], proof["backup"]) == ("proven", backup)
    finally:
        server.stop()


@contextmanager
def locked(site: Site) -> Iterator[Any]:
    """Another restic that works on the repository alone, and takes its time."""
    key = (site.root / "secrets" / "backup-key").read_text().strip()
    container = site.client.containers.run(
        RESTIC,
        ["restic", "-r", str(site.repository), "check", "--read-data"],
        entrypoint=[],
        environment={"RESTIC_PASSWORD": key},
        volumes=[f"{site.repository}:{site.repository}"],
        labels=dict([site.labels.split("=")]),
        network_mode="none",
        detach=True,
    )
    try:
        wait_until(lambda: any((site.repository / "locks").iterdir()), "the repository is locked")
        container.pause()
        yield container
    finally:
        container.remove(force=True)


def test_a_lock_of_another_restic_is_waited_for_and_named_and_its_way_out(
    shared_site: Site, id_: str
) -> None:
    backup = shared_site.back_up(id_)
    with locked(shared_site) as other:
        bringing_back = (("restore", id_, "--yes", "--no-backup"), ("clone", id_, f"{id_}-new"))
        looking = (("backup", "list"), ("backup", "prove", id_), ("backup", "forget", "--yes"))
        for words in (("backup", id_), *looking, *bringing_back):
            done = ask_impatiently(shared_site, *words)
            assert done.returncode != 0
            assert f"another restic works on {shared_site.repository}" in done.stderr
            assert other.id[:12] in done.stderr
            assert "after 30 minutes" in done.stderr
        assert not shared_site.folder(f"{id_}-new").exists()
        other.unpause()
        other.wait()
    assert shared_site.backups()[0] == backup
    shared_site.wb("backup", id_)


def test_a_server_that_goes_away_in_the_middle_ends_a_backup_and_harms_nothing(
    shared_site: Site, id_: str, tmp_path: Path
) -> None:
    server = SftpServer(tmp_path / "ssh", shared_site.client)
    server.start()
    more = {**server.environ, "WB_BACKUP_REPOSITORY": server.location}
    site = shared_site.under({**more, "WB_BACKUP_LIMIT_UPLOAD": "2m"})
    data = server.files / "backups" / "data"
    try:
        with site.started("backup", id_) as process:
            wait_until(lambda: any(data.glob("*/*")), "data is stored")
            server.cut()
            _, talk = process.communicate(timeout=COMMAND_S)
        assert process.returncode == ExitCode.FAILURE
        assert "Is that host up" in talk
        assert "Is that host up" in site.wb("backup", "list", exits=ExitCode.FAILURE).stderr
        assert site.list_copies() == []
        server.start()
        assert site.backups() == []
        backup = shared_site.under(more).back_up(id_)
        (proof,) = shared_site.under(more).json("backup", "prove", id_)["instances"]
        assert (proof["result"], proof["backup"]) == ("proven", backup)
    finally:
        server.stop()
