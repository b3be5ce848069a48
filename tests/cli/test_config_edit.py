"""wb config edit with a real program as the editor."""

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from instances.examples import entry
from support.command_line import CommandLine

from wb_cli.cli.context import Wb
from wb_cli.engine.base import Engine
from wb_cli.errors import EngineUnreachableError, ExitCode

Editor = Callable[[str], None]
ONE = entry("demo", 9000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The registry file, with one instance."""
    path = tmp_path / "servers.json"
    path.write_text(json.dumps([ONE], indent=2))
    return path


def fail(_wb: Wb) -> Engine:
    raise EngineUnreachableError("the Docker Engine does not answer")


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path) -> Editor:
    """Choose what the editor does to `text`, in Python; `file` is the registry file."""
    script = tmp_path / "editor with spaces.py"
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} '{script}'")
    monkeypatch.setattr(Wb, "engine", property(fail))

    def choose(code: str) -> None:
        script.write_text(
            "import sys, os, json\nfrom pathlib import Path\n"
            f"path = Path(sys.argv[1])\nfile = Path({str(file)!r})\ntext = path.read_text()\n"
            f"{code}\npath.write_text(text)\n"
        )

    return choose


def copies(file: Path) -> list[Path]:
    return sorted(file.parent.glob("servers.edit-*"))


def resume_word(talk: str) -> str:
    return talk.split("--resume ")[1].split("`", maxsplit=1)[0]


def test_what_is_typed_takes_the_place_of_the_file_and_the_difference_is_shown(
    wb: CommandLine, editor: Editor, file: Path
) -> None:
    editor("text = text.replace('9000', '9005')")
    code, answer, talk = wb("config", "edit")
    assert (code, answer) == (0, "~ demo: port: 9000 -> 9005\n")
    assert "next: `wb run demo` applies it; how it stands is not known" in talk
    assert json.loads(file.read_text())[0]["port"] == 9005
    assert copies(file) == []


def test_an_editor_that_changes_nothing_changes_nothing(
    wb: CommandLine, editor: Editor, file: Path
) -> None:
    before = file.stat().st_ino
    editor("")
    assert wb("config", "edit") == (0, "", "nothing was changed\n")
    assert file.stat().st_ino == before
    assert copies(file) == []


def test_an_absent_file_can_be_begun(wb: CommandLine, editor: Editor, file: Path) -> None:
    file.unlink()
    editor("")
    wb("config", "edit")
    assert not file.exists()
    editor(f"text = {json.dumps([ONE])!r}")
    assert wb("config", "edit").answer.startswith("+ demo: label")
    assert json.loads(file.read_text()) == [ONE]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("text = text[:-3]", "the file ends too early"),
        ("text = text.replace('9000', '9')", "port 9 must be a whole number"),
    ],
)
def test_a_mistake_is_refused_and_the_text_is_kept_to_go_on_with(
    wb: CommandLine, editor: Editor, file: Path, code: str, message: str
) -> None:
    before = file.read_bytes()
    editor(code)
    ended = wb("config", "edit")
    assert ended.code == ExitCode.USAGE
    assert message in ended.talk
    assert file.read_bytes() == before
    kept = Path(resume_word(ended.talk))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    editor(f"text = {json.dumps([ONE | {'port': 9007}])!r}")
    assert wb("config", "edit", "--resume", str(kept)).code == ExitCode.OK
    assert json.loads(file.read_text())[0]["port"] == 9007
    assert copies(file) == []


def test_what_somebody_else_writes_meanwhile_is_merged(
    wb: CommandLine, editor: Editor, file: Path
) -> None:
    editor(
        "text = text.replace('9000', '9005')\n"
        "entry = json.loads(file.read_text())[0] | {'memory': '2g'}\n"
        "file.write_text(json.dumps([entry]))"
    )
    assert wb("config", "edit").answer == "~ demo: port: 9000 -> 9005\n"
    assert json.loads(file.read_text()) == [ONE | {"port": 9005, "memory": "2g"}]


def test_a_conflict_is_named_and_saving_again_takes_what_was_typed(
    wb: CommandLine, editor: Editor, file: Path
) -> None:
    editor(
        "text = text.replace('9000', '9005')\n"
        "file.write_text(file.read_text().replace('9000', '9009'))"
    )
    code, _, talk = wb("config", "edit")
    assert code == ExitCode.USAGE
    assert "somebody else has meanwhile changed the same: demo: port" in talk
    assert json.loads(file.read_text())[0]["port"] == 9009
    editor("")
    assert wb("config", "edit", "--resume", resume_word(talk)).code == ExitCode.OK
    assert json.loads(file.read_text())[0]["port"] == 9005


def test_an_editor_that_fails_changes_nothing_and_the_text_is_kept(
    wb: CommandLine, editor: Editor, file: Path
) -> None:
    editor("path.write_text(text.replace('9000', '9005')); sys.exit(3)")
    code, _, talk = wb("config", "edit")
    assert code == ExitCode.FAILURE
    assert "ended with exit code 3" in talk
    assert "9005" in Path(resume_word(talk)).read_text()
    assert json.loads(file.read_text()) == [ONE]


def test_an_instance_whose_containers_are_not_known_is_removed_only_by_force(
    wb: CommandLine, editor: Editor, file: Path
) -> None:
    editor("text = '[]'")
    code, _, talk = wb("config", "edit")
    assert code == ExitCode.ENGINE_UNREACHABLE
    assert json.loads(file.read_text()) == [ONE]
    assert wb("config", "edit", "--force", "--resume", resume_word(talk)).answer == "- demo\n"
    assert json.loads(file.read_text()) == []


def test_a_typo_in_a_field_is_told_at_once(wb: CommandLine, editor: Editor) -> None:
    editor("""text = text.replace('"id"', '"frnech": true, "id"')""")
    talk = wb("config", "edit").talk
    assert 'warning: demo: unknown field "frnech". Did you mean french?' in talk


@pytest.mark.parametrize(
    ("value", "message"),
    [("no-such-editor", "no-such-editor is not installed"), ("a 'b", "cannot be read")],
)
@pytest.mark.usefixtures("editor")
def test_an_editor_that_cannot_be_started_is_named(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    monkeypatch.setenv("VISUAL", value)
    code, _, talk = wb("config", "edit")
    assert code != ExitCode.OK
    assert message in talk


@pytest.mark.usefixtures("editor")
def test_without_any_editor_the_error_says_how_to_name_one(
    wb: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDITOR")
    monkeypatch.setenv("PATH", os.devnull)
    assert "`EDITOR=nano wb config edit`" in wb("config", "edit").talk


@pytest.mark.usefixtures("editor")
def test_only_a_copy_of_an_edit_can_be_resumed(wb: CommandLine, file: Path) -> None:
    code, _, talk = wb("config", "edit", "--resume", str(file))
    assert code == ExitCode.USAGE
    assert "is not a copy that `wb config edit` has kept" in talk
