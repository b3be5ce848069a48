"""`wb config edit` asks what to do with a mistake, on a real terminal with a real editor."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from instances.examples import entry
from support.command_line import environment_without_settings
from support.screen import Screen, ShownCommand

from wb_cli.errors import ExitCode

QUESTION = "Edit it again? [y/N]"
# It takes from a file what to write next, as a person would type it.
EDITOR = """
import sys
from pathlib import Path
copy, plan = Path(sys.argv[1]), Path({plan!r})
old, new, *others = plan.read_text().splitlines()
plan.write_text("\\n".join(others))
text = copy.read_text()
assert old in text, text
copy.write_text(text.replace(old, new))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "servers.json"
    path.write_text(json.dumps([entry("demo", 9000)], indent=2))
    return path


@pytest.fixture
def edit(tmp_path: Path, file: Path) -> Iterator[ShownCommand]:
    """`wb config edit`. The first text breaks a rule; the second, if it comes to that, does not."""
    plan, program = tmp_path / "plan", tmp_path / "editor.py"
    plan.write_text("9000\n9\n: 9\n: 9005\n")
    program.write_text(EDITOR.format(plan=str(plan)))
    shown = ShownCommand(
        environment_without_settings()
        | {
            "WB_CONFIG_DIR": str(tmp_path / "config"),
            "SERVERS_FILE_PATH": str(file),
            "MOUNT_PATH": str(tmp_path / "instances"),
            "WB_SECRETS_DIR": str(tmp_path / "secrets"),
            "DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock",
            "VISUAL": "",
            "EDITOR": f"{sys.executable} {program}",
            "PATH": os.environ["PATH"],
        },
        *("config", "edit"),
        lines=24,
        columns=80,
    )
    try:
        shown.until(asks)
        yield shown
    finally:
        shown.close()


def asks(screen: Screen) -> bool:
    return any(QUESTION in line for line in screen.everything)


def test_the_mistake_is_told_before_the_question(edit: ShownCommand) -> None:
    told = "\n".join(edit.screen.everything)
    assert "port 9 must be a whole number" in told.replace("\n  ", " ")
    assert told.index("port 9") < told.index(QUESTION)


def test_yes_opens_the_editor_again_with_what_was_typed(edit: ShownCommand, file: Path) -> None:
    edit.type("y\n")
    assert edit.end() == ExitCode.OK
    assert "~ demo: port: 9000 -> 9005" in edit.screen.everything
    assert json.loads(file.read_text())[0]["port"] == 9005
    assert not list(file.parent.glob("servers.edit-*"))


@pytest.mark.parametrize(
    ("answer", "code"),
    [("n\n", ExitCode.USAGE), ("\n", ExitCode.USAGE), ("\x03", ExitCode.INTERRUPTED)],
    ids=["no", "enter", "Ctrl-C"],
)
def test_any_other_answer_changes_nothing_and_keeps_what_was_typed(
    edit: ShownCommand, file: Path, answer: str, code: ExitCode
) -> None:
    edit.type(answer)
    assert edit.end() == code
    assert json.loads(file.read_text())[0]["port"] == 9000
    kept = [path.read_text() for path in file.parent.glob("servers.edit-*")]
    assert sum('"port": 9,' in text for text in kept) == 1, "beside it stands what it began from"
    assert "Traceback" not in edit.raw


def test_what_was_typed_can_be_taken_up_again(edit: ShownCommand) -> None:
    edit.type("n\n")
    edit.end()
    told = " ".join(" ".join(edit.screen.everything).split())
    assert "`wb config edit --resume " in told
