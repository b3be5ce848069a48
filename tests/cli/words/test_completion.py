"""Completion in real shells: an interactive bash and zsh on a terminal, and fish."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pexpect
import pytest
from support.command_line import CommandLine, environment_without_settings

from wb_cli.cli.words.completion import find_kept_part, join_words

WITHIN_S = 60
TAB, START_OF_LINE, END_OF_LINE = "\t", "\x01", "\x05"


class Shell:
    """A bash on a terminal that completes `wb`."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._bash: Any = pexpect.spawn(
            "bash",
            ["--norc", "--noprofile", "-i"],
            env=environ,
            encoding="utf-8",
            timeout=WITHIN_S,
            dimensions=(50, 300),
        )
        self._bash.ptyproc.delayafterclose = 0.01
        self._bash.sendline("PS1='> '; eval \"$(wb completion bash)\"; echo rea''dy")
        self._bash.expect_exact("ready")

    def complete(self, typed: str) -> str:
        """Press Tab and return the completed line."""
        self._bash.send(f"{typed}{TAB}{START_OF_LINE}echo '[{END_OF_LINE}]'\r")
        # The line appears first as it is typed, then as bash echoes it.
        self._bash.expect(r"\r\n\[([^\r\n]*)\]\r\n")
        return str(self._bash.match[1])

    def offer(self, typed: str) -> list[str]:
        """Press Tab twice and return the offered words."""
        self._bash.send(f"{typed}{TAB}{TAB}")
        self._bash.expect(r"\r\n([^\r\n]+)\r\n> ")
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", str(self._bash.match[1]))
        self._bash.send("\x15\r")
        return shown.split()

    def close(self) -> None:
        self._bash.close(force=True)


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A machine with three instances, where `wb` is a command."""
    folder = tmp_path_factory.mktemp("shells")
    entries = [
        {"id": "demo", "label": "Demo", "port": 9001, "serverVersion": "1.6.7", "tags": ["field"]},
        {"id": "mali", "label": "Mali", "port": 9002, "serverVersion": "1.7.0"},
        {"id": "malawi", "label": "Malawi", "port": 9003, "serverVersion": "1.7.0"},
    ]
    (folder / "servers.json").write_text(json.dumps(entries))
    program = folder / "wb"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m wb_cli "$@"\n')
    program.chmod(0o755)
    return environment_without_settings() | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SERVERS_FILE_PATH": str(folder / "servers.json"),
        "WB_CONFIG_DIR": str(folder / "config"),
        "SHELL": "/bin/bash",
        "TERM": "dumb",
        "HISTFILE": "",
        "INPUTRC": "/dev/null",
        "HOME": str(folder),
        "COLUMNS": "200",
    }


@pytest.fixture(scope="module")
def bash(environ: dict[str, str]) -> Iterator[Shell]:
    shell = Shell(environ)
    yield shell
    shell.close()


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("wb ru", "wb run "),
        ("wb conf", "wb config "),
        ("wb config sh", "wb config show "),
        ("wb run --time", "wb run --timeout "),
        ("wb run de", "wb run demo "),
        ("wb run demo mali", "wb run demo mali "),
        ("wb stop al", "wb stop all "),
        ("wb status de", "wb status demo "),
        ("wb config show de", "wb config show demo "),
        ("wb run @", "wb run @field "),
        ("wb run @fi", "wb run @field "),
        ("wb run @field de", "wb run @field demo "),
        ("wb run server=1.6", "wb run server=1.6.7 "),
        ("wb run server=", "wb run server=1."),
        ("wb run nobo", "wb run nobo"),
        ("wb --servers-file /nowhere.json run de", "wb --servers-file /nowhere.json run de"),
    ],
)
def test_a_tab_completes(bash: Shell, typed: str, line: str) -> None:
    assert bash.complete(typed) == line


def test_two_tabs_offer_all_words(bash: Shell) -> None:
    assert bash.offer("wb run mal") == ["malawi", "mali"]


@pytest.mark.parametrize(
    ("broken", "typed", "kept"),
    [
        (["run", "@", "fi"], ["run", "@fi"], ""),
        (["run", "@"], ["run", "@"], ""),
        (["run", "server", "=", "1"], ["run", "server=1"], "server="),
        (["run", "server", "="], ["run", "server="], "server="),
        (["run", "@", "a", "demo", ""], ["run", "@a", "demo", ""], ""),
        ([""], [""], ""),
    ],
)
def test_words_that_bash_broke_are_joined(broken: list[str], typed: list[str], kept: str) -> None:
    assert join_words(broken) == typed
    assert find_kept_part(typed[-1]) == kept


OFFERED = {
    "wb run de": ["demo"],
    "wb run mal": ["malawi", "mali"],
    "wb run @": ["@field"],
    "wb run server=": ["server=1.6.7", "server=1.7.0"],
    "wb config sh": ["show"],
    "wb completion z": ["zsh"],
    "wb help res": ["restart", "restore"],
    "wb schema config va": ["validate"],
    "wb --set mount": ["mount_path="],
}


@pytest.mark.parametrize("typed", OFFERED)
def test_fish_offers_the_same_words(environ: dict[str, str], typed: str) -> None:
    script = f"wb completion fish | source; complete --do-complete '{typed}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=environ, capture_output=True, text=True, check=True, timeout=WITHIN_S,
    )  # fmt: skip
    assert sorted(line.split("\t")[0] for line in done.stdout.splitlines()) == OFFERED[typed]


@pytest.fixture(scope="module")
def zsh(environ: dict[str, str]) -> Iterator[Any]:
    """An interactive zsh that lists what it offers at the first Tab, and completes nothing."""
    child: Any = pexpect.spawn(
        "zsh", ["-f", "-i"], env=environ, encoding="utf-8", timeout=WITHIN_S, dimensions=(50, 200)
    )
    child.sendline(
        "PS1='> '; unsetopt zle_bracketed_paste prompt_sp; autoload -Uz compinit; compinit -D -u; "
        "eval \"$(wb completion zsh)\"; bindkey '^T' list-choices; echo rea''dy"
    )
    child.expect_exact("ready\r\n")
    yield child
    child.close(force=True)


@pytest.mark.parametrize("typed", OFFERED)
def test_zsh_offers_the_same_words(zsh: Any, typed: str) -> None:
    zsh.send(f"{typed}\x14")  # Ctrl-T lists the choices below the line
    for word in OFFERED[typed]:
        zsh.expect_exact(word.removeprefix("server=") if "=" in typed else word)
    zsh.send("\x15\r")
    zsh.expect_exact("> ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_needs_no_shell_of_its_kind_to_be_printed(
    wb: CommandLine, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    code, answer, talk = wb("completion", shell)
    assert (code, talk) == (0, "")
    assert f"_WB_COMPLETE={shell}_complete" in answer
