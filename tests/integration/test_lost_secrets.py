"""The file of an instance's secrets is lost: its containers still have them."""

import pytest
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine


def test_secrets_whose_file_was_lost_come_back_from_the_containers(host: Host) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    before = host.ids(id_)
    file = host.root / "secrets" / f"{id_}.json"
    kept = file.read_bytes()
    file.unlink()
    assert "`wb repair <id>`" in host.wb("run", id_, exits=ExitCode.USAGE).stderr
    assert "would be taken" in host.wb("repair", id_, "--dry-run").stdout
    assert not file.exists()
    assert "were taken from its platform's container" in host.wb("repair", id_).stdout
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (kept, 0o600)
    host.wb("run", id_)
    assert host.ids(id_) == before


def test_without_containers_a_repair_makes_no_secrets_up(host: Host) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    host.wb("stop", id_)
    (host.root / "secrets" / f"{id_}.json").unlink()
    host.wb("repair", id_)
    assert not (host.root / "secrets" / f"{id_}.json").exists()
    assert "is not known" in host.wb("run", id_, exits=ExitCode.USAGE).stderr
