"""The operator's editor is chosen, and has wb's own terminal."""

import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from wb_cli.errors import UsageError, WbError
from wb_cli.host import editor, process


@pytest.mark.parametrize(
    ("environ", "argv"),
    [
        ({"VISUAL": "code --wait", "EDITOR": "vi"}, ["code", "--wait"]),
        ({"VISUAL": " ", "EDITOR": "'/opt/my editor' -n"}, ["/opt/my editor", "-n"]),
    ],
)
def test_the_operator_s_choice_is_taken_with_its_arguments(
    environ: dict[str, str], argv: list[str]
) -> None:
    assert editor.choose(environ) == argv


def test_without_a_choice_the_first_usual_editor_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vi").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert editor.choose({}) == ["vi"]
    (tmp_path / "nano").touch(0o755)
    assert editor.choose({}) == ["nano"]
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(UsageError, match="no editor is known"):
        editor.choose({})


def test_a_program_has_the_terminal_and_keeps_its_ctrl_c_to_itself() -> None:
    child, terminal = pty.fork()
    if not child:  # pragma: no cover  (another process)
        code = "import sys, time\ntry: print(sys.stdin.isatty(), flush=True); time.sleep(60)\n"
        code += "except KeyboardInterrupt: sys.exit(7)"
        os._exit(process.run_on_terminal([sys.executable, "-c", code]))
    assert os.read(terminal, 100).startswith(b"True")
    os.write(terminal, b"\x03")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 7


def test_the_handlers_of_signals_are_those_of_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT)]
    assert process.run_on_terminal(["true"]) == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT)] == before


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(WbError, match="no-such-program is not installed"):
        process.run_on_terminal(["no-such-program"])
