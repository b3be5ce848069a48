"""The reader of wb's output may be gone, full or absent: the work and the exit code stay."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import environment_without_settings
from support.wb_host import COMMAND_S

from wb_cli.errors import ExitCode

WB = f"{sys.executable} -m wb_cli"
LABEL = "C\u00f4te d\u2019Ivoire"
GONE = (
    "",
    ">/dev/full",
    "2>/dev/full",
    ">&-",
    "2>&-",
    ">&- 2>&-",
    "<&-",
    "</dev/null",
    "<&- >&- 2>&-",
)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A machine without an engine. One label has letters that some encodings lack."""
    (tmp_path / "instances").mkdir()
    entries = [{"id": "demo", "label": LABEL, "port": 9001, "serverVersion": "1.6.7"}]
    (tmp_path / "servers.json").write_text(json.dumps(entries))
    return environment_without_settings() | {
        "WB_CONFIG_DIR": str(tmp_path / "config"),
        "SERVERS_FILE_PATH": str(tmp_path / "servers.json"),
        "MOUNT_PATH": str(tmp_path / "instances"),
        "WB_SECRETS_DIR": str(tmp_path / "secrets"),
        "DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock",
    }


def shell(environ: dict[str, str], line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line],
        env=environ, capture_output=True, text=True, check=False, timeout=COMMAND_S,
    )  # fmt: skip


@pytest.mark.parametrize("streams", GONE)
def test_the_work_is_done_and_the_exit_code_is_right(environ: dict[str, str], streams: str) -> None:
    done = shell(environ, f"{WB} config set demo port=9005 {streams}")
    is_lost = streams == ">/dev/full"
    assert done.returncode == (ExitCode.FAILURE if is_lost else ExitCode.OK)
    assert ("the answer cannot be written: No space left on device" in done.stderr) is is_lost
    assert "Traceback" not in done.stderr
    assert json.loads(Path(environ["SERVERS_FILE_PATH"]).read_text())[0]["port"] == 9005


@pytest.mark.parametrize("streams", GONE)
def test_a_failure_keeps_its_exit_code(environ: dict[str, str], streams: str) -> None:
    assert shell(environ, f"{WB} config show nobody {streams}").returncode == ExitCode.USAGE
    assert shell(environ, f"{WB} -v config show nobody {streams}").returncode == ExitCode.USAGE
    assert shell(environ, f"{WB} status {streams}").returncode == ExitCode.ENGINE_UNREACHABLE


def test_a_reader_of_stderr_that_leaves_changes_nothing(environ: dict[str, str]) -> None:
    line = f"set -o pipefail; {WB} -v config show nobody 2>&1 >/dev/null | head -1"
    assert shell(environ, line).returncode == ExitCode.USAGE


@pytest.mark.parametrize("streams", ["<&-", "</dev/null"])
def test_without_an_input_the_answer_to_a_question_is_no(
    environ: dict[str, str], streams: str
) -> None:
    done = shell(environ, f"{WB} config remove demo --force {streams}")
    assert done.returncode == ExitCode.USAGE
    assert "--yes" in done.stderr
    assert "demo" in Path(environ["SERVERS_FILE_PATH"]).read_text()


@pytest.mark.parametrize("streams", ["<&-", "</dev/null"])
def test_a_closed_input_is_an_empty_one(environ: dict[str, str], streams: str) -> None:
    done = shell(environ, f"{WB} images load - {streams}")
    assert done.returncode == ExitCode.FAILURE
    assert done.stderr.startswith("error: standard input is cut off, or was not made by")


def test_without_a_visible_question_the_answer_is_no(environ: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"y\n")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*WB.split(), "config", "remove", "demo", "--force"],
            env=environ, stdin=theirs, stderr=full, check=False, timeout=COMMAND_S,
        )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    assert done.returncode == ExitCode.USAGE
    assert "demo" in Path(environ["SERVERS_FILE_PATH"]).read_text()


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_wb_writes_in_any_encoding(environ: dict[str, str], encoding: str) -> None:
    environ |= {"PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [*WB.split(), "config", "list"], env=environ, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (ExitCode.OK, b"")
    assert b"Ivoire" in done.stdout
    answer = subprocess.run(
        [*WB.split(), "config", "list", "--json"], env=environ, capture_output=True, check=True
    )
    (demo,) = json.loads(answer.stdout.decode(encoding))["instances"]
    assert demo["label"] == LABEL


def test_a_slow_reader_gets_everything(environ: dict[str, str]) -> None:
    """Another process may have made the pipe non-blocking."""
    entries = [
        {"id": f"i{n}", "label": "I" * 90, "port": 9000 + n, "serverVersion": "1.6.7"}
        for n in range(900)
    ]
    Path(environ["SERVERS_FILE_PATH"]).write_text(json.dumps(entries))
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with subprocess.Popen(
        [*WB.split(), "config", "list", "--json"], env=environ, stdout=writing
    ) as wb, os.fdopen(reading, "rb") as answer:  # fmt: skip
        os.close(writing)
        document = json.loads(answer.read())
    assert wb.returncode == ExitCode.OK
    assert len(document["instances"]) == 900
