"""A checker that is not ours looks at what a restore produced."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from backup.site import Site
from support.services import POSTGRES_IMAGE
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

CHECKED_WITHIN_S = 300
IMAGE = re.sub(r":\d+", ":{major}", POSTGRES_IMAGE)  # firedrill puts the dump's own version in
CHECKS = """
version: 1
volume:
  tables:
    kept: {min_rows: 1000}
semantics:
  - name: the rows are those that were written
    sql: select sum(n) from kept
    expect: "== 500500"
"""


@pytest.fixture
def site(host: Host) -> Site:
    return Site.at(host)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which Docker's own command finds the engine of the tests.

    firedrill gives it a home and no DOCKER_HOST, so the engine is that home's context.
    """
    assert shutil.which("docker"), "firedrill needs Docker's own command"
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    home = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    home["HOME"] = str(tmp_path)
    for words in (("create", "tested", "--docker", f"host={engine}"), ("use", "tested")):
        subprocess.run(["docker", "context", *words], env=home, capture_output=True, check=True)
    return home


def drill(dump: Path, folder: Path, environ: dict[str, str]) -> tuple[int, dict[str, object]]:
    """Have firedrill restore a dump in a container of its own; give its exit code and report."""
    config, report = folder / "firedrill.yml", folder / "report.json"
    config.write_text(CHECKS)
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "firedrill"), "run", str(dump)),
            *("--config", str(config), "--image", IMAGE, "--json", str(report)),
        ],
        capture_output=True,
        text=True,
        timeout=CHECKED_WITHIN_S,
        check=False,
        cwd=folder,
        env=environ,
    )
    assert report.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(report.read_text())


def test_firedrill_finds_no_fault_in_a_restored_database(
    site: Site, environ: dict[str, str], tmp_path: Path
) -> None:
    id_ = site.start()
    site.back_up(id_)
    site.sql(id_, "delete from kept where n > 10")
    site.wb("restore", id_, "--yes", "--no-backup")
    dump = tmp_path / "restored.dump"
    site.wb("export", id_, "postgres", "-o", str(dump))
    code, report = drill(dump, tmp_path, environ)
    assert (code, report["findings"]) == (ExitCode.OK, []), report
    dump.write_bytes(dump.read_bytes()[:-500])
    code, report = drill(dump, tmp_path, environ)
    assert (code, bool(report["findings"])) == (1, True), report
