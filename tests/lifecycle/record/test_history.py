"""The history of commands: what is written of them, how much is kept, and that it never fails."""

import threading
from pathlib import Path

import pytest

from wb_cli.lifecycle.record import history
from wb_cli.lifecycle.record.history import describe_command, file_of, read_lines, written
from wb_cli.observe.history import Stage, list_instances, read_history


def write(folder: Path, instance: str = "demo", result: str = "ready", code: int = 0) -> None:
    with written(folder, instance, "run") as entry:
        entry.result, entry.exit_code = result, code


def write_often(folder: Path) -> None:
    for _ in range(25):
        write(folder)


def test_a_command_is_written_with_its_user_and_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "amina")
    monkeypatch.setattr("sys.argv", ["/usr/bin/wb", "run", "@field", "--timeout", "60"])
    with written(tmp_path, "demo", "run") as entry:
        entry.result, entry.exit_code, entry.error = "failed", 1, "demo exited with code 3"
    (command,) = read_history(tmp_path, ["demo"], 10)
    assert command.begin.command == "wb run @field --timeout 60"
    assert command.user.startswith("amina as ")
    assert command.result == "failed (1): demo exited with code 3"
    assert command.has_failed
    assert command.stage is Stage.ENDED
    assert command.begin.began[-1] == "Z"


def test_a_command_that_is_under_way_and_one_that_did_not_end(tmp_path: Path) -> None:
    with written(tmp_path, "demo", "run"):
        (command,) = read_history(tmp_path, ["demo"], 10)
        assert (command.stage, command.result) == (Stage.UNDER_WAY, "under way")
    path = file_of(tmp_path, "demo")
    begin, _ = path.read_bytes().splitlines(keepends=True)
    pid = str(read_lines(path)[0].pid).encode()
    path.write_bytes(begin.replace(pid, b"4194305"))  # more than a process can have
    (command,) = read_history(tmp_path, ["demo"], 10)
    assert (command.stage, command.result) == (Stage.DID_NOT_END, "did not end")


def test_a_process_that_was_given_the_number_of_a_dead_command_is_not_it(tmp_path: Path) -> None:
    with written(tmp_path, "demo", "run"):
        path = file_of(tmp_path, "demo")
        path.write_bytes(path.read_bytes().replace(b'"began":"20', b'"began":"19'))
        (command,) = read_history(tmp_path, ["demo"], 10)
    assert command.stage is Stage.DID_NOT_END


def test_all_histories_are_merged_by_time_and_the_last_are_read(tmp_path: Path) -> None:
    for instance in ("demo", "mali", "demo", "mali"):
        write(tmp_path, instance)
    assert list_instances(tmp_path) == ["demo", "mali"]
    shown = [command.instance for command in read_history(tmp_path, ["demo", "mali"], 3)]
    assert shown == ["mali", "demo", "mali"]
    assert read_history(tmp_path, ["demo"], 0) == []


def test_the_file_is_bounded_and_the_last_lines_stay(tmp_path: Path) -> None:
    for number in range(history.LINES_AT_MOST):
        write(tmp_path, result=str(number))
        assert len(read_lines(file_of(tmp_path, "demo"))) <= history.LINES_AT_MOST
    last = read_history(tmp_path, ["demo"], 1)[0]
    assert last.end is not None
    assert last.end.result == str(history.LINES_AT_MOST - 1)
    assert [path.name for path in tmp_path.iterdir()] == ["demo.jsonl"]


def test_commands_that_write_at_once_lose_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LINES_AT_MOST", 10_000)
    threads = [threading.Thread(target=write_often, args=(tmp_path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file_of(tmp_path, "demo").read_bytes().splitlines()) == 8 * 25 * 2


def test_a_line_that_was_cut_spoils_no_other(tmp_path: Path) -> None:
    write(tmp_path, result="one")
    with file_of(tmp_path, "demo").open("ab") as file:
        file.write(b'{"id":"torn')
    write(tmp_path, result="two")
    assert [command.result for command in read_history(tmp_path, ["demo"], 9)] == ["one", "two"]


def test_who_shares_the_registry_file_shares_the_history(tmp_path: Path) -> None:
    shared = tmp_path / "etc"
    shared.mkdir()
    shared.chmod(0o2775)
    write(shared / "history")
    assert (shared / "history").stat().st_mode & 0o7777 == 0o2775
    assert file_of(shared / "history", "demo").stat().st_mode & 0o777 == 0o664


def test_where_it_cannot_be_written_the_work_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    folder.write_text("no folder")
    write(folder)
    history.note(folder, "demo", "config set", "changed")
    assert folder.read_text() == "no folder"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("run demo --dry-run", "wb run demo --dry-run"),
        ("run server=1.7.0", "wb run server=1.7.0"),
        ("--set pg_password=sesame run demo", "wb --set pg_password=*** run demo"),
        ("--set=port=sesame run demo", "wb --set=port=*** run demo"),
        ("--set port=sesame run demo", "wb --set port=*** run demo"),
        ("config set demo env.KEY=sesame memory=2g", "wb config set demo env.KEY=*** memory=2g"),
        ("config set demo tags+=pilot", "wb config set demo tags+=pilot"),
        ("run demo --x=http://me:sesame@host", "wb run demo --x=http://me:***@host"),
        ("-m pytest -k sesame", "wb run demo"),
    ],
)
def test_a_command_line_is_told_without_what_may_be_secret(words: str, told: str) -> None:
    verb = "config set" if words.startswith("config") else "run"
    assert describe_command(words.split(), verb, "demo") == told
