"""A database leaves an instance as a dump, and a dump becomes a database: whole, or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.platform_stand_in import Platforms
from support.services import wait_until
from support.wb_host import COMMAND_S, Host, pipe

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.long]
WB = (sys.executable, "-m", "wb_cli")
ODD_NAME = "a=b 'c\""
ROWS = 1000
# Rows of a dump begin with these values.
LOOKS_LIKE = r"""
create table odd as
select unnest(array[E'\\connect main', E'\tx', E'\bx', E'\n\\c x', null]) as text
"""


@pytest.fixture(scope="module")
def demo(shared_host: Host) -> str:
    """An instance with a database that has an odd name, an owner of its own, and rows."""
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    shared_host.sql(id_, "create role owner")
    shared_host.sql(id_, 'create database "a=b \'c"""')
    sql = (
        f"create table kept as select generate_series(1, {ROWS}) as n, E'line\\nbreak' as text;"
        "alter table kept owner to owner"
    )
    shared_host.wb("psql", id_, ODD_NAME, "--", "-c", sql)
    return id_


def count(host: Host, id_: str, database: str) -> str:
    sql = "select count(*) || ' ' || max(n) || ' ' || max(length(text)) from kept"
    return host.wb("psql", id_, database, "--", "-Atc", sql).stdout.strip()


def databases(host: Host, id_: str) -> set[str]:
    return set(host.sql(id_, "select datname from pg_database").splitlines())


@pytest.mark.parametrize("words", [(), ("--sql",)], ids=["custom", "sql"])
def test_a_dump_in_a_file_comes_back_as_another_database(
    shared_host: Host, demo: str, tmp_path: Path, words: tuple[str, ...]
) -> None:
    file, name = tmp_path / "dump", f"copy {len(words)}"
    shared_host.wb("export", demo, ODD_NAME, "-o", str(file), *words)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]
    shared_host.wb("import", demo, name, str(file))
    assert count(shared_host, demo, name) == count(shared_host, demo, ODD_NAME)


@pytest.mark.parametrize("words", [(), ("--sql",)], ids=["custom", "sql"])
def test_a_dump_passes_through_pipes(shared_host: Host, demo: str, words: tuple[str, ...]) -> None:
    dump = pipe(shared_host, b"", "export", demo, ODD_NAME, *words).stdout
    name = f"piped {len(words)}"
    done = pipe(shared_host, dump, "import", demo, name, "-")
    assert (done.returncode, done.stdout.decode()) == (0, f"{demo}: {name} is loaded\n")
    assert count(shared_host, demo, name) == count(shared_host, demo, ODD_NAME)


@pytest.mark.parametrize("words", [(), ("--sql",)], ids=["custom", "sql"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.97])
def test_a_dump_that_was_cut_off_leaves_no_database(
    shared_host: Host, demo: str, words: tuple[str, ...], kept: float
) -> None:
    before = databases(shared_host, demo)
    dump = pipe(shared_host, b"", "export", demo, ODD_NAME, *words).stdout
    done = pipe(shared_host, dump[: int(len(dump) * kept)], "import", demo, "cut", "-")
    assert done.returncode == ExitCode.FAILURE
    assert b"failed in the PostgreSQL of" in done.stderr
    assert databases(shared_host, demo) == before


@pytest.mark.parametrize("line", ["\\connect postgres", "\\c postgres", "\\! touch /tmp/x"])
def test_a_dump_that_leads_elsewhere_is_refused_and_leaves_nothing(
    shared_host: Host, demo: str, line: str
) -> None:
    before = databases(shared_host, demo)
    dump = f"create table mine ();\n{line}\ncreate table elsewhere ();\n"
    done = pipe(shared_host, dump.encode(), "import", demo, "strange", "-")
    assert done.returncode == ExitCode.FAILURE
    assert b"dump one database alone" in done.stderr
    assert databases(shared_host, demo) == before
    tables = "select count(*) from pg_class where relname = 'elsewhere'"
    assert shared_host.sql(demo, tables) == "0"


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "no name"), ("ä" * 32, "has 64 bytes"), ("template1", "a template")],
    ids=["empty", "long", "template"],
)
def test_a_name_that_no_new_database_can_have_is_refused_before_anything_is_loaded(
    shared_host: Host, demo: str, name: str, said: str
) -> None:
    done = pipe(shared_host, b"select 1;", "import", demo, name, "-")
    assert (done.returncode, said in done.stderr.decode()) == (ExitCode.USAGE, True)


def test_a_database_whose_name_leaves_no_room_for_the_kept_one_is_not_replaced(
    shared_host: Host, demo: str
) -> None:
    name = "n" * 60
    pipe(shared_host, b"create table a ();", "import", demo, name, "-")
    words = ("import", demo, name, "-", "--replace", "--yes")
    done = pipe(shared_host, b"create table b ();", *words)
    assert done.returncode == ExitCode.USAGE
    assert "_before_import" in done.stderr.decode()


def test_values_that_look_like_commands_come_back(
    shared_host: Host, demo: str, tmp_path: Path
) -> None:
    shared_host.wb("psql", demo, ODD_NAME, "--", "-c", LOOKS_LIKE)
    shared_host.wb("export", demo, ODD_NAME, "--sql", "-o", str(tmp_path / "dump"))
    shared_host.wb("import", demo, "looks", str(tmp_path / "dump"))
    words = ("--", "-Atc", "select md5(string_agg(text, ',' order by text)) from odd")
    first, second = (shared_host.wb("psql", demo, it, *words) for it in (ODD_NAME, "looks"))
    assert first.stdout == second.stdout


def test_a_database_that_is_there_is_not_touched(
    shared_host: Host, demo: str, tmp_path: Path
) -> None:
    (tmp_path / "dump.sql").write_text("create table new (n int);")
    before = count(shared_host, demo, ODD_NAME)
    file = str(tmp_path / "dump.sql")
    done = shared_host.wb("import", demo, ODD_NAME, file, exits=ExitCode.USAGE)
    assert "is not replaced" in done.stderr
    assert count(shared_host, demo, ODD_NAME) == before


@pytest.fixture
def replaced(host: Host, tmp_path: Path) -> tuple[str, Path]:
    """An instance whose ``main`` has other rows than a dump of it."""
    id_ = host.prepare()
    host.wb("run", id_)
    host.sql(id_, "create database main") if "main" not in databases(host, id_) else None
    host.wb("psql", id_, "--", "-c", "create table kept as select 1 as n, 'old' as text")
    host.wb("export", id_, "main", "-o", str(tmp_path / "dump"))
    host.wb("psql", id_, "--", "-c", "update kept set text = 'changed'")
    return id_, tmp_path / "dump"


def read(host: Host, id_: str, database: str = "main") -> str:
    return host.wb("psql", id_, database, "--", "-Atc", "select text from kept").stdout.strip()


def test_a_database_is_replaced_at_once_and_the_one_from_before_is_kept(
    host: Host, replaced: tuple[str, Path]
) -> None:
    id_, file = replaced
    before, owned = databases(host, id_), read_owner(host, id_)
    said = host.wb("import", id_, "main", str(file), "--replace", "--yes").stdout
    assert (read(host, id_), read(host, id_, "main_before_import")) == ("old", "changed")
    assert databases(host, id_) == before | {"main_before_import"}
    assert read_owner(host, id_) == owned
    (status,) = host.json("status", id_)["instances"]
    assert status["state"] == "running"
    drop = f"""wb psql {id_} postgres -- -c 'drop database "main_before_import"'"""
    assert drop in said.replace("\n", " ")
    words = ("import", id_, "main", str(file), "--replace", "--yes")
    assert drop in host.wb(*words, exits=ExitCode.USAGE).stderr.replace("\n", " ")
    host.wb("psql", id_, "postgres", "--", "-c", 'drop database "main_before_import"')
    host.wb(*words)


def read_owner(host: Host, id_: str) -> str:
    return host.sql(id_, "select pg_get_userbyid(datdba) from pg_database where datname = 'main'")


def test_names_go_back_if_the_instance_does_not_become_healthy(
    host: Host, replaced: tuple[str, Path], platforms: Platforms
) -> None:
    id_, file = replaced
    before = databases(host, id_)
    host.change(id_, image=platforms("exits"))
    words = ("import", id_, "main", str(file), "--replace", "--yes")
    said = host.wb(*words, exits=ExitCode.FAILURE).stderr
    assert "going back to the database from before" in said
    assert (read(host, id_), databases(host, id_)) == ("changed", before)


def test_what_cannot_replace_a_database_leaves_it_and_the_instance_serves_on(
    host: Host, replaced: tuple[str, Path]
) -> None:
    id_, file = replaced
    before, state = databases(host, id_), host.state(id_)
    (file.with_name("empty")).write_text("select 1;\n")
    (file.with_name("cut")).write_bytes(file.read_bytes()[:-200])
    for name, why in (("empty", "the dump has no table"), ("cut", "failed in the PostgreSQL of")):
        words = ("import", id_, "main", str(file.with_name(name)), "--replace", "--yes")
        assert why in host.wb(*words, exits=ExitCode.FAILURE).stderr
    words = ("import", id_, "nothing", str(file), "--replace", "--yes")
    assert "that could be replaced" in host.wb(*words, exits=ExitCode.USAGE).stderr
    assert (databases(host, id_), host.state(id_), read(host, id_)) == (before, state, "changed")


def test_sql_of_another_tool_is_loaded_whole_or_not_at_all(
    shared_host: Host, demo: str, tmp_path: Path
) -> None:
    file = tmp_path / "own.sql"
    file.write_text("create table one (n int);\nselect 1 / 0;\n")
    done = shared_host.wb("import", demo, "own", str(file), exits=ExitCode.FAILURE)
    assert "division by zero" in done.stderr
    assert "own" not in databases(shared_host, demo)
    file.write_text("create table one as select 7 as n;\n")
    shared_host.wb("import", demo, "own", str(file))
    assert shared_host.wb("psql", demo, "own", "--", "-Atc", "table one").stdout == "7\n"


def test_what_a_killed_import_left_is_removed_by_one_of_a_later_day(
    shared_host: Host, demo: str, tmp_path: Path
) -> None:
    old, young = "wb_import_0123456789ab", "wb_import_ba9876543210"
    for name in (old, young):
        shared_host.sql(demo, f"create database {name}")
    oid = shared_host.sql(demo, f"select oid from pg_database where datname = '{old}'")
    folder = shared_host.sql(demo, "show data_directory")
    words = ("touch", "-d", "2 days ago", f"{folder}/base/{oid}/PG_VERSION")
    assert shared_host.execute(f"{demo}-postgres", *words)[0] == 0
    (tmp_path / "one.sql").write_text("create table one (n int);")
    shared_host.wb("import", demo, "later", str(tmp_path / "one.sql"))
    left = {name for name in databases(shared_host, demo) if name.startswith("wb_import_")}
    assert left == {young}


def test_an_unknown_database_and_a_file_that_is_there_are_refused(
    shared_host: Host, demo: str, tmp_path: Path
) -> None:
    file = tmp_path / "dump"
    done = shared_host.wb("export", demo, "nothing", "-o", str(file), exits=ExitCode.USAGE)
    assert 'no database "nothing"' in done.stderr
    assert not file.exists()
    file.write_text("mine")
    done = shared_host.wb("export", demo, "postgres", "-o", str(file), exits=ExitCode.USAGE)
    assert "`--force` replaces a file" in done.stderr
    assert file.read_text() == "mine"
    shared_host.wb("export", demo, "postgres", "-o", str(file), "--force")
    assert file.read_bytes().startswith(b"PGDMP")


def test_a_load_that_is_interrupted_leaves_no_database(shared_host: Host, demo: str) -> None:
    before = databases(shared_host, demo)
    reading, writing = os.pipe()
    with subprocess.Popen(
        [*WB, "import", demo, "slow", "-"], stdin=reading, env=shared_host.environ
    ) as process:
        os.close(reading)
        os.write(writing, b"select pg_sleep(600);\n")
        wait_until(lambda: databases(shared_host, demo) != before, "a database is begun")
        process.send_signal(signal.SIGINT)
        assert process.wait(COMMAND_S) == ExitCode.INTERRUPTED
    os.close(writing)
    assert databases(shared_host, demo) == before
