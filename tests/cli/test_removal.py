"""wb remove-dirs: what it shows, what it asks, and what it answers."""

import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine, Ended
from support.json_answers import check

from wb_cli.cli.context import Wb
from wb_cli.contract import FOLDERS
from wb_cli.engine.types import LABEL_INSTANCE, Observed, ObservedContainer, State
from wb_cli.errors import EngineUnreachableError, ExitCode, WbError
from wb_cli.host import removal
from wb_cli.instances.secrets import SecretStore
from wb_cli.lifecycle.guard.lock import locked


class Engine:
    """An engine on this machine that lists ``observed``."""

    is_local = True
    observed = Observed()

    def observe(self) -> Observed:
        return self.observed


class Keyboard(io.StringIO):
    """A terminal on which a person types words."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(Wb, "engine", engine)
    return engine


@pytest.fixture
def wb(
    wb: CommandLine, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """Run a command line on a machine that has the folders of demo and mali."""
    del engine
    monkeypatch.setenv("MOUNT_PATH", str(tmp_path / "mnt"))
    (tmp_path / "mnt").mkdir()

    def answer(*words: str, typed: str | None = None) -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO() if typed is None else Keyboard(typed))
        return wb(*words)

    for name in ("demo", "mali"):
        answer("config", "add", name)
        answer("init-dirs", name)
        (tmp_path / "mnt" / name / "databases" / "row").write_text("precious")
    return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mnt" / "demo"


def running(id_: str) -> Observed:
    labels = {LABEL_INSTANCE: id_}
    return Observed((ObservedContainer("1", id_, State.RUNNING, "", "", "", labels=labels),))


def test_the_answer_names_the_removed_folders_and_the_entry_stays(
    wb: CommandLine, folder: Path
) -> None:
    code, answer, talk = wb("remove-dirs", "demo", "--yes")
    assert code == ExitCode.OK
    lines = answer.splitlines()
    assert [line.partition(" (")[0] for line in lines] == [
        f"demo: {folder / name}" for name in FOLDERS
    ]
    assert all(line.endswith("B) removed") for line in lines)
    assert talk.count("demo: removing ") == len(FOLDERS)
    assert not folder.exists()
    assert (folder.parent / "mali" / "databases" / "row").exists()
    assert wb("config", "show", "demo")[0] == ExitCode.OK
    assert wb("remove-dirs", "demo", "--yes")[:2] == (ExitCode.OK, "demo: nothing to remove\n")


def test_the_id_must_be_typed(wb: CommandLine, folder: Path) -> None:
    code, _, talk = wb("remove-dirs", "demo", typed="demo\n")
    assert code == ExitCode.OK
    assert f"demo: {folder}/databases (" in talk
    assert "Remove this data of demo for good? Type demo to go on: " in talk
    assert not folder.exists()


@pytest.mark.parametrize("typed", ["\n", "y\n", "yes\n", "Demo\n", "mali\n", ""])
def test_another_word_changes_nothing(wb: CommandLine, folder: Path, typed: str) -> None:
    code, _, talk = wb("remove-dirs", "demo", typed=typed)
    assert code == ExitCode.USAGE
    assert "Not confirmed; nothing was changed." in talk
    assert (folder / "databases" / "row").exists()


def test_the_ids_of_all_instances_must_be_typed_before_the_first_removal(
    wb: CommandLine, folder: Path
) -> None:
    assert wb("remove-dirs", "all", typed="demo\nno\n")[0] == ExitCode.USAGE
    assert folder.exists()
    assert wb("remove-dirs", "all", typed="demo\nmali\n")[0] == ExitCode.OK
    assert list(folder.parent.iterdir()) == []


def test_without_a_terminal_nothing_is_removed(wb: CommandLine, folder: Path) -> None:
    code, _, talk = wb("remove-dirs", "demo")
    assert code == ExitCode.USAGE
    assert "hint: Add --yes to go on." in talk
    assert folder.exists()


def test_a_dry_run_asks_nothing_and_changes_nothing(wb: CommandLine, folder: Path) -> None:
    code, answer, talk = wb("remove-dirs", "demo", "--dry-run")
    assert (code, talk) == (ExitCode.OK, "")
    assert answer.count("would be removed") == len(FOLDERS)
    assert (folder / "databases" / "row").exists()


def test_quiet_shows_errors_alone(wb: CommandLine, engine: Engine) -> None:
    assert wb("remove-dirs", "demo", "--yes", "-q") == (ExitCode.OK, "", "")
    engine.observed = running("mali")
    code, answer, talk = wb("remove-dirs", "mali", "--yes", "--quiet")
    assert (code, answer) == (ExitCode.FAILURE, "")
    assert "mali was left as it is: its containers are there: mali" in talk


def test_quiet_still_shows_what_would_be_removed_before_the_question(
    wb: CommandLine, folder: Path
) -> None:
    _, answer, talk = wb("remove-dirs", "demo", "-q", typed="demo\n")
    assert answer == ""
    assert f"{folder}/databases" in talk


def test_the_secrets_are_removed_only_with_the_flag(wb: CommandLine, tmp_path: Path) -> None:
    secrets = SecretStore(tmp_path / "secrets")
    secrets.create("demo")
    assert "password" not in wb("remove-dirs", "demo", "--yes")[1]
    assert secrets.read("demo")
    answer = wb("remove-dirs", "demo", "--forget-secrets", "--yes")[1]
    assert answer == "demo: its password and its token removed\n"
    assert secrets.read("demo") is None


def test_a_file_that_is_not_wb_s_is_named(wb: CommandLine, folder: Path) -> None:
    (folder / "notes.txt").write_text("")
    answer = wb("remove-dirs", "demo", "--yes")[1]
    assert f"demo: {folder}/notes.txt stays: it is not wb's\n" in answer


def test_if_one_instance_is_refused_the_others_are_removed(
    wb: CommandLine, engine: Engine, folder: Path
) -> None:
    engine.observed = running("mali")
    code, answer, talk = wb("remove-dirs", "all", "--yes")
    assert code == ExitCode.PARTIAL
    assert "demo: " in answer
    assert "hint: `wb stop mali` removes them." in talk
    assert [path.name for path in folder.parent.iterdir()] == ["mali"]


def test_an_unreachable_engine_is_one_error(
    wb: CommandLine, engine: Engine, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    def observe() -> Observed:
        raise EngineUnreachableError("the Docker Engine does not answer")

    monkeypatch.setattr(engine, "observe", observe)
    code, _, talk = wb("remove-dirs", "all", "--yes")
    assert code == ExitCode.ENGINE_UNREACHABLE
    assert talk.count("error:") == 1
    assert folder.exists()


def test_a_signal_ends_the_removal_and_the_remaining_folders_are_named(
    wb: CommandLine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import signal
    import time

    removes = removal.remove

    def slow(path: Path, check: Callable[[], None]) -> None:
        if path.name == "sandbox":
            os.kill(os.getpid(), signal.SIGINT)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                check()
        removes(path, check)

    monkeypatch.setattr(removal, "remove", slow)
    code, _, talk = wb("remove-dirs", "demo", "mali", "--yes")
    assert code == ExitCode.INTERRUPTED
    assert "interrupted; failed: demo (interrupted; not all was removed; still there" in talk
    assert f"in part: {folder}/sandbox, {folder}/exports" in talk
    assert "; not begun: mali\n" in talk
    assert "hint: Run it again to go on." in talk
    assert not (folder / "databases").exists()
    assert (folder.parent / "mali" / "databases" / "row").exists()


def test_an_instance_that_another_process_changes_is_refused(
    wb: CommandLine, folder: Path, tmp_path: Path
) -> None:
    with locked(tmp_path / "locks", "demo", "wb run demo", 0, threading.Event()):
        code, _, talk = wb("remove-dirs", "demo", "--yes", "--wait", "0.1")
    assert code == ExitCode.LOCKED
    assert "demo is being changed by `wb run demo`" in talk
    assert (folder / "databases" / "row").exists()


def test_the_answers_match_the_schema(
    wb: CommandLine, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*words: str) -> list[dict[str, Any]]:
        _, answer, talk = wb("remove-dirs", "all", "--json", *words)
        assert "error:" not in talk
        return list(check("remove-dirs", answer)["instances"])

    (folder / "notes.txt").write_text("")
    (demo, mali) = ended("--dry-run")
    assert (demo["result"], mali["result"]) == ("planned", "planned")
    assert demo["folders"][0]["path"] == str(folder / "databases")
    assert demo["kept"] == [str(folder / "notes.txt")]
    engine.observed = running("mali")
    (demo, mali) = ended("--yes", "--forget-secrets")
    assert (demo["result"], demo["exitCode"], demo["forgetsSecrets"]) == ("removed", 0, False)
    assert (mali["result"], mali["exitCode"]) == ("failed", ExitCode.FAILURE)
    (demo, _) = ended("--yes")
    assert demo["result"] == "nothing"
    engine.observed = Observed()

    def fail(*_: object) -> None:
        raise WbError("it broke")

    monkeypatch.setattr(removal, "remove", fail)
    assert ended("--yes")[1]["error"]["message"].startswith("it broke; still there")


def test_a_refused_entry_is_named(wb: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "servers.json"
    file.write_text(json.dumps([*json.loads(file.read_text()), {"id": "host"}]))
    code, _, talk = wb("remove-dirs", "all", "--dry-run")
    assert code == ExitCode.PARTIAL
    assert "refused" in talk


def test_crash_records_stay_and_are_named(wb: CommandLine, folder: Path, tmp_path: Path) -> None:
    records = tmp_path / "crashes" / "demo"
    records.mkdir(parents=True)
    answer = wb("remove-dirs", "demo", "--yes")[1]
    assert f"demo: its crash records stay in {records}: `wb prune` removes them" in answer
    assert records.exists()
    assert not folder.exists()
