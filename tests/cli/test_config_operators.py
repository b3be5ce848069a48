"""Several operators and an editor on the registry file at once, each in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from instances.examples import entry
from support.command_line import environment_without_settings

from wb_cli.errors import ExitCode

WITHIN_S = 60
# It says that it has opened the file, and saves when the test lets it.
EDITOR = """
import sys
from pathlib import Path
copy, folder = Path(sys.argv[1]), Path({folder!r})
text = copy.read_text()
(folder / "opened").write_text("")
(folder / "save").read_text()
copy.write_text(text.replace('"label": "Editor"', '"label": "Edited"'))
"""


@dataclass
class Operators:
    """A registry file, and operators who work on it."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "servers.json"

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "wb_cli", "config", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment_without_settings()
            | {
                "WB_CONFIG_DIR": str(self.folder / "config"),
                "SERVERS_FILE_PATH": str(self.file),
                "MOUNT_PATH": str(self.folder),
                "WB_SECRETS_DIR": str(self.folder / "secrets"),
                "DOCKER_HOST": f"unix://{self.folder}/nobody",
                "VISUAL": f"{sys.executable} {self.folder}/editor.py",
            },
        )

    @contextmanager
    def editing(self) -> Iterator[subprocess.Popen[str]]:
        """Have an operator's editor open; it saves at the end."""
        process = self.start("edit")
        try:
            (self.folder / "opened").read_text()
            yield process
            if process.poll() is None:
                (self.folder / "save").write_text("")
                process.wait(WITHIN_S)
        except BaseException:
            process.kill()
            process.communicate()
            raise

    def entries(self) -> dict[str, dict[str, object]]:
        return {each["id"]: each for each in json.loads(self.file.read_text())}


@pytest.fixture
def operators(tmp_path: Path) -> Operators:
    """Three instances, and an editor that waits."""
    for name in ("opened", "save"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "editor.py").write_text(EDITOR.format(folder=str(tmp_path)))
    entries = [entry(id_, 9000 + at) for at, id_ in enumerate(("a", "b", "c"))]
    entries[0]["label"] = "Editor"
    (tmp_path / "servers.json").write_text(json.dumps(entries, indent=2))
    return Operators(tmp_path)


def test_two_operators_set_fields_while_a_third_edits_and_nothing_is_lost(
    operators: Operators,
) -> None:
    names = [f"V{number}" for number in range(6)]
    with operators.editing() as editor:
        working = [
            operators.start("set", id_, f"env.{name}={id_}") for name in names for id_ in ("a", "b")
        ]
        working += [operators.start("add", f"new-{number}") for number in range(3)]
        for process in working:
            process.communicate(timeout=WITHIN_S)
        assert {process.returncode for process in working} == {ExitCode.OK}
    said = editor.communicate()
    assert editor.returncode == ExitCode.OK, said
    assert said[0] == '~ a: label: "Editor" -> "Edited"\n'
    entries = operators.entries()
    assert entries["a"]["label"] == "Edited"
    for id_ in ("a", "b"):
        assert entries[id_]["env"] == dict.fromkeys(names, id_)
    assert set(entries) == {"a", "b", "c", "new-0", "new-1", "new-2"}
    assert len({each["port"] for each in entries.values()}) == len(entries)
    assert list(operators.folder.glob("servers.edit-*")) == []


def test_an_editor_and_an_operator_change_the_same_field_and_neither_is_lost(
    operators: Operators,
) -> None:
    with operators.editing() as editor:
        operators.start("set", "a", "label=Operator").communicate(timeout=WITHIN_S)
    _, talk = editor.communicate()
    assert editor.returncode == ExitCode.USAGE
    assert "somebody else has meanwhile changed the same: a: label" in talk
    assert operators.entries()["a"]["label"] == "Operator"
    copy = Path(talk.split("--resume ")[1].split("`")[0])
    assert {each["id"]: each for each in json.loads(copy.read_text())}["a"]["label"] == "Edited"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_edit_that_a_signal_ends_keeps_the_copy_and_frees_the_file(
    operators: Operators, number: signal.Signals
) -> None:
    with operators.editing() as editor:
        editor.send_signal(number)
        _, talk = editor.communicate(timeout=WITHIN_S)
    assert editor.returncode == ExitCode.TERMINATED
    copy = Path(talk.split("--resume ")[1].split("`")[0])
    assert "Editor" in copy.read_text()
    process = operators.start("set", "a", "cpus=2")
    process.communicate(timeout=WITHIN_S)
    assert process.returncode == ExitCode.OK
