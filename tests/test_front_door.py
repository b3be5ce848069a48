"""`make`, the sessions that it opens, and the guard that the wheel is what is tested."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SESSIONS = re.findall(
    r'^@nox\.session\(name="(.*)"\)$', (ROOT / "noxfile.py").read_text(), re.MULTILINE
)


def make(*words: str) -> str:
    # What make hands on to a make that it starts is not for this one.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=ROOT,
        env={name: value for name, value in environ.items() if name not in {"ARGS", "MFLAGS"}},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_make_alone_lists_every_session_with_what_it_does() -> None:
    listed = dict(re.findall(r"^([a-z-]+) +(.+)$", make(), re.MULTILINE))
    assert {"demo", "demo-down", "test", "unit", "faults", "lint"} <= set(SESSIONS)
    assert set(listed) == {*SESSIONS, "help", "clean"}


@pytest.mark.parametrize("session", SESSIONS)
def test_a_target_opens_the_session_of_its_name_with_the_arguments(
    session: str, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "nox").write_text("")
    words = make("-n", session, f"VENV={tmp_path}", "ARGS=-k 'not (slow)' -x")
    assert words == f"{tmp_path}/bin/nox --session {session} -- -k 'not (slow)' -x\n"


@pytest.mark.parametrize("session", SESSIONS)
def test_every_target_stands_in_the_readme(session: str) -> None:
    assert f"make {session}" in README


def test_where_the_wheel_is_to_be_tested_a_checkout_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/test_front_door.py"],
        cwd=ROOT,
        env=os.environ | {"WB_TEST_THE_WHEEL": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"not the installed wheel: {ROOT}/wb_cli/__init__.py" in done.stderr
