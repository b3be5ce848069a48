"""`wb doctor` on the command line: what it shows, its exit codes, its JSON."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine, environment_without_settings
from support.json_answers import check
from support.services import free_port
from support.wb_host import Host

from wb_cli.cli.commands import doctor
from wb_cli.cli.commands.schema import read_schema
from wb_cli.errors import ExitCode
from wb_cli.observe.doctor.finding import Finding, Severity
from wb_cli.observe.doctor.table import list_checks


def test_the_schema_has_exactly_the_severities_that_there_are() -> None:
    schema = json.loads(read_schema("doctor"))
    assert schema["$defs"]["finding"]["properties"]["severity"]["enum"] == list(Severity)
    assert schema["properties"]["counts"]["required"] == list(Severity)


@pytest.fixture
def without_engine(tmp_path: Path) -> Any:
    """Run wb where no engine answers and two instances are declared."""
    entries = [
        {"id": id_, "label": id_, "port": port, "serverVersion": "1.6.7"}
        for id_, port in (("demo", 9000), ("mali", 9001))
    ]
    (tmp_path / "servers.json").write_text(json.dumps(entries))

    def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "wb_cli", "doctor", *words],
            env=environment_without_settings()
            | {
                "WB_CONFIG_DIR": str(tmp_path),
                "SERVERS_FILE_PATH": str(tmp_path / "servers.json"),
                "WB_SECRETS_DIR": str(tmp_path / "secrets"),
                "MOUNT_PATH": str(tmp_path),
                "DOCKER_HOST": f"unix://{tmp_path}/nobody",
            }
            | environ,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_without_an_engine_it_says_so_and_what_it_knows_besides(without_engine: Any) -> None:
    done = without_engine("--json")
    assert done.returncode == ExitCode.ENGINE_UNREACHABLE
    answer = check("doctor", done.stdout)
    first, *others = answer["findings"]
    assert (first["code"], first["commands"]) == ("engine-unreachable", ["unset DOCKER_HOST"])
    codes = {finding["code"] for finding in others}
    assert {"engine-chosen", "folder-missing"} <= codes
    assert not codes & {"undeclared", "part-down", "pool-full"}


def test_equal_findings_are_one_block_with_both_ids(without_engine: Any) -> None:
    shown = without_engine("demo", "mali").stdout
    assert "  docker-socket: demo, mali\n" in shown
    assert "    mend: wb config set demo dockerSocket=false && wb run demo\n" in shown
    assert "    mend: wb config set mali dockerSocket=false && wb run mali\n" in shown
    assert shown.startswith("CRITICAL\n  engine-unreachable: machine\n")
    assert shown.splitlines()[-1].endswith("checks of 2 instances")


def test_quiet_gives_the_last_line_alone(without_engine: Any) -> None:
    (line,) = without_engine("--quiet", "mali").stdout.splitlines()
    assert line.startswith("1 critical, 2 notices: ")
    assert line.endswith("checks of 1 instance")


def test_what_is_ignored_is_not_found(without_engine: Any) -> None:
    shown = without_engine("demo", "--ignore", "docker-socket").stdout
    assert "docker-socket" not in shown
    assert "1 critical, 1 notice: " in shown


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("nobody",), "there is no instance", "wb config list"),
        (("--ignore", "docker-sokcet"), "there is no check", "Did you mean docker-socket?"),
        (("--ignore", "xyzzy"), "there is no check", "stands before each finding"),
    ],
)
def test_a_word_that_names_nothing_is_an_error(
    without_engine: Any, words: tuple[str, ...], message: str, hint: str
) -> None:
    done = without_engine(*words)
    assert done.returncode == ExitCode.USAGE
    assert message in done.stderr
    assert hint in done.stderr


def test_codes_are_completed() -> None:
    assert doctor._complete_code("disk-") == ["disk-low", "disk-read-only"]


def test_a_text_is_broken_between_words_on_a_terminal_and_a_command_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    ids = tuple(f"country-{number}" for number in range(10))
    command = f"wb restart {' '.join(ids)}"
    finding = Finding("drift", Severity.NOTICE, ids, "it is another image now", "why", command)
    lines = list(doctor._write_lines(finding))
    assert f"    mend: {command}" in lines
    others = [line for line in lines if "mend: " not in line]
    assert all(len(line) <= 40 for line in others)
    assert all(any(line.count(id_) for line in others) for id_ in ids)


def test_of_an_engine_elsewhere_that_does_not_answer_nothing_here_is_judged(
    without_engine: Any,
) -> None:
    done = without_engine("--json", DOCKER_HOST=f"tcp://127.0.0.1:{free_port()}")
    codes = {finding["code"] for finding in check("doctor", done.stdout)["findings"]}
    assert "engine-elsewhere" in codes
    assert not codes & {"folder-missing", "disk-low", "overcommit"}


def test_whoever_names_an_instance_needs_a_registry_file_that_can_be_read(
    wb: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "servers.json").write_text("[")
    ended = wb("doctor", "demo")
    assert ended.code == ExitCode.USAGE
    assert "cannot read the registry file" in ended.talk


@pytest.mark.engine
def test_on_an_engine_the_machine_and_the_instances_are_looked_at(host: Host) -> None:
    id_ = host.prepare()
    done = host.ran("doctor", "--json")
    answer = check("doctor", done.stdout)
    assert done.returncode in {ExitCode.OK, ExitCode.DEGRADED, ExitCode.FAILURE}
    assert answer["counts"]["unknown"] == 0
    assert host.ran("doctor", id_).stdout.startswith("nothing found: ")
    assert host.ran("doctor", id_).returncode == ExitCode.OK


@pytest.mark.engine
def test_it_changes_nothing(host: Host) -> None:
    id_ = host.prepare()
    before = sorted((path, path.stat().st_mtime_ns) for path in host.root.rglob("*"))
    host.ran("doctor")
    assert sorted((path, path.stat().st_mtime_ns) for path in host.root.rglob("*")) == before
    assert host.containers(id_) == []


README = (Path(__file__).parent.parent.parent / "README.md").read_text()
SECTION = README.split("### What `wb doctor` looks for")[1].split("\n## ")[0]


def test_the_readme_has_exactly_the_codes_that_there_are() -> None:
    _, _, table = SECTION.partition("| subject | codes |")
    assert sorted(re.findall(r"`([a-z-]+)`", table)) == sorted(list_checks())


def test_the_readme_has_each_severity_with_its_exit_code() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (\d)[^|]*\|$", SECTION, re.MULTILINE))
    assert rows == {str(severity): str(int(severity.exit_code)) for severity in Severity}
