"""`kill -9` of `wb import --replace`: the next run starts on one of both databases, whole."""

import signal
from pathlib import Path

import pytest
from backup.site import Site

pytestmark = pytest.mark.backup

KEPT = "main_before_import"


def read(site: Site, id_: str) -> str:
    return site.wb("psql", id_, "main", "--", "-Atc", "select text from words").stdout.strip()


@pytest.mark.parametrize(
    ("moment", "text", "is_kept"),
    [("amid stop", "changed", False), ("after start 1", "of the dump", True)],
)
def test_killed_at_a_moment(
    site: Site, tmp_path: Path, moment: str, text: str, is_kept: bool
) -> None:
    id_ = site.prepare()
    site.wb("run", id_)
    site.sql(id_, "create database main")
    site.wb("psql", id_, "--", "-c", "create table words as select 'of the dump' as text")
    file = str(tmp_path / "dump")
    site.wb("export", id_, "main", "-o", file)
    site.wb("psql", id_, "--", "-c", "update words set text = 'changed'")
    words = ("import", id_, "main", file, "--replace", "--yes")
    done = site.launch("kill", moment, *words)
    assert done.returncode == -signal.SIGKILL, f"{moment} did not come: {done.stderr}"
    site.wb("run", id_)
    assert read(site, id_) == text
    names = site.sql(id_, "select datname from pg_database").splitlines()
    assert (KEPT in names) == is_kept
