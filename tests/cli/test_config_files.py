"""wb config backup, restore and import on real files."""

import json
from pathlib import Path
from typing import Any

import pytest
from instances.examples import entry
from support.command_line import CommandLine
from support.json_answers import check

from wb_cli.cli.commands.declaring import backup as config_backup
from wb_cli.cli.context import Wb
from wb_cli.engine.base import Engine
from wb_cli.errors import EngineUnreachableError, ExitCode


def fail(_wb: Wb) -> Engine:
    raise EngineUnreachableError("the Docker Engine does not answer")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The registry file, with one instance; no engine answers."""
    monkeypatch.setattr(Wb, "engine", property(fail))
    path = tmp_path / "servers.json"
    path.write_text(json.dumps([entry("demo", 9000, env={"K": "hush"})]))
    return path


def write(path: Path, *entries: Any) -> Path:
    path.write_text(json.dumps(entries, indent=2))
    return path


def copies(file: Path) -> list[Path]:
    return sorted(file.parent.glob("servers.json.backup-*"))


def test_a_copy_is_made_listed_and_restored_and_the_replaced_file_is_kept(
    wb: CommandLine, file: Path
) -> None:
    first = file.read_bytes()
    code, answer, _ = wb("config", "backup")
    (copy,) = copies(file)
    assert (code, answer) == (0, f"{copy}: 1 instance\n")
    wb("config", "set", "demo", "port=9005")
    changed = file.read_bytes()
    code, answer, talk = wb("config", "restore", "latest", "--yes")
    assert (code, answer) == (0, "~ demo: port: 9005 -> 9000\n")
    assert file.read_bytes() == first
    kept = Path(talk.split("the file of before is kept: ")[1].split("\n")[0])
    assert kept.read_bytes() == changed
    code, answer, _ = wb("config", "backup", "--list")
    assert [line.split()[0] for line in answer.splitlines()[1:]] == [
        path.name for path in reversed(copies(file))
    ]


def test_a_dry_run_of_a_restore_shows_the_difference_and_writes_nothing(
    wb: CommandLine, file: Path
) -> None:
    wb("config", "backup")
    wb("config", "set", "demo", "port=9005", "env.K=other")
    before = file.read_bytes()
    code, answer, talk = wb("config", "restore", "latest", "--dry-run")
    assert (code, answer) == (0, "~ demo: port: 9005 -> 9000; env.K: changed\n")
    assert talk == "nothing was written\n"
    document = check(
        "config restore", wb("config", "restore", "latest", "--dry-run", "--json").answer
    )
    assert (document["isDryRun"], document["kept"]) == (True, None)
    assert file.read_bytes() == before
    assert len(copies(file)) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[", "line 1, column 2"),
        (b'[{"id": "demo"}]', "label is missing"),
        (b"", "the file is empty"),
    ],
)
def test_a_copy_that_is_wrong_is_refused_and_nothing_is_changed(
    wb: CommandLine, file: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    before = file.read_bytes()
    (tmp_path / "bad.json").write_bytes(content)
    code, _, talk = wb("config", "restore", str(tmp_path / "bad.json"), "--yes")
    assert code == ExitCode.USAGE
    assert message in talk
    assert file.read_bytes() == before
    assert copies(file) == []


def test_a_broken_registry_file_can_be_restored_and_the_broken_one_is_kept(
    wb: CommandLine, file: Path
) -> None:
    wb("config", "backup")
    file.write_text("[{")
    assert "cannot be read as it is" in wb("config", "backup").talk
    (first, _) = copies(file)
    assert wb("config", "restore", first.name, "--yes").code == ExitCode.OK
    assert json.loads(file.read_text())[0]["id"] == "demo"
    assert copies(file)[-1].read_text() == "[{"


def test_a_restore_that_would_lose_an_instance_asks_the_engine_first(
    wb: CommandLine, file: Path, tmp_path: Path
) -> None:
    empty = write(tmp_path / "empty.json")
    code, _, talk = wb("config", "restore", str(empty), "--yes")
    assert code == ExitCode.ENGINE_UNREACHABLE
    assert "Whether demo has containers is not known" in talk
    assert wb("config", "restore", str(empty), "--yes", "--force").answer == "- demo\n"
    assert json.loads(file.read_text()) == []


def test_a_restore_is_refused_if_somebody_writes_while_the_question_is_asked(
    wb: CommandLine, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write(tmp_path / "other.json", entry("demo", 9005))
    replace = config_backup._replace

    def let_somebody_write(*given: Any) -> Any:
        write(file, entry("demo", 9009))
        return replace(*given)

    monkeypatch.setattr(config_backup, "_replace", let_somebody_write)
    code, _, talk = wb("config", "restore", str(other), "--yes")
    assert code == ExitCode.USAGE
    assert "somebody else has changed the registry file meanwhile" in talk
    assert json.loads(file.read_text())[0]["port"] == 9009


def test_a_restore_of_the_same_changes_nothing(wb: CommandLine, file: Path) -> None:
    wb("config", "backup")
    assert "both declare the same" in wb("config", "restore", "latest").talk
    assert len(copies(file)) == 1


def test_a_copy_under_a_chosen_name_replaces_nothing_unless_forced(
    wb: CommandLine, file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "copy.json"
    assert wb("config", "backup", str(target)).code == ExitCode.OK
    assert target.read_bytes() == file.read_bytes()
    target.write_text("mine")
    code, _, talk = wb("config", "backup", str(target))
    assert (code, target.read_text()) == (ExitCode.USAGE, "mine")
    assert "--force" in talk
    answer = wb("config", "backup", str(target), "--force", "--json").answer
    assert check("config backup", answer)["backups"][0]["entries"] == 1
    assert "is a folder" in wb("config", "backup", str(tmp_path)).talk


def test_without_a_registry_file_there_is_nothing_to_copy(wb: CommandLine, file: Path) -> None:
    file.unlink()
    assert wb("config", "backup").code == ExitCode.USAGE
    assert "no copies yet" in wb("config", "backup", "--list").talk
    answer = wb("config", "backup", "--list", "--json").answer
    assert check("config backup", answer) == {"backups": []}


def test_import_takes_what_it_can_and_names_the_rest(
    wb: CommandLine, file: Path, tmp_path: Path
) -> None:
    foreign = write(
        tmp_path / "foreign.json",
        entry("demo", 9000, env={"K": "hush"}),
        entry("mali", 9001, colour="red"),
        entry("niger", 9000),
    )
    taken = "port 9000 (PostgreSQL: 19000) must be its own; demo uses 9000 and 19000"
    before = file.read_bytes()
    code, answer, talk = wb("config", "import", str(foreign), "--dry-run")
    assert code == ExitCode.PARTIAL
    assert answer.splitlines() == [
        "+ mali: Demo, port 9001 (PostgreSQL 19001), version 1.6.7",
        "= demo: is declared here already, just so",
        f"! niger (line 18): {taken}",
    ]
    assert 'warning: mali (line 16): unknown field "colour"' in talk
    assert "1 added, 1 unchanged, 1 refused; nothing was written" in talk
    assert file.read_bytes() == before
    document = check("config import", wb("config", "import", str(foreign), "--json").answer)
    assert (document["added"], document["refused"][0]["id"]) == (["mali"], "niger")
    assert [each["id"] for each in json.loads(file.read_text())] == ["demo", "mali"]


def test_import_of_nothing_usable_is_an_error_and_of_all_is_none(
    wb: CommandLine, file: Path, tmp_path: Path
) -> None:
    assert wb("config", "import", str(write(tmp_path / "a.json", 7))).code == ExitCode.USAGE
    good = write(tmp_path / "b.json", entry("mali", 9001))
    code, _, talk = wb("config", "import", str(good))
    assert code == ExitCode.OK
    assert "next: " in talk
    assert wb("config", "import", str(tmp_path / "none.json")).code == ExitCode.USAGE
    (tmp_path / "c.json").write_text("{}")
    assert "an object, not a list" in wb("config", "import", str(tmp_path / "c.json")).talk
    assert len(json.loads(file.read_text())) == 2
