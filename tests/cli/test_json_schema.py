"""The answers to `--json` match the published schemas, and so do errors."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.command_line import CommandLine, every_command
from support.json_answers import check, validator
from support.services import POSTGRES_IMAGE, VALKEY_IMAGE
from support.wb_host import Host

from wb_cli.cli.commands.schema import ANSWERS, read_schema
from wb_cli.errors import ExitCode, UsageError
from wb_cli.observe.status.instance_state import Condition, InstanceState

Answer = Callable[..., Any]


def test_every_command_that_answers_as_json_has_a_schema() -> None:
    with_json = {
        path.removeprefix("wb ")
        for path, command in every_command().items()
        if any("--json" in parameter.opts for parameter in command.params)
    }
    assert with_json == set(ANSWERS) - {"error"}


@pytest.mark.parametrize("command", ["adopt", "config diff"])
def test_what_an_action_tells_stands_in_each_schema_of_actions(command: str) -> None:
    action, other = (json.loads(read_schema(name))["$defs"] for name in ("run", command))
    assert other["plan"] == action["plan"]
    known, told = (schema["ended"]["oneOf"][0]["properties"] for schema in (action, other))
    assert known.keys() - told.keys() == set()


@pytest.mark.parametrize("command", ANSWERS)
def test_every_schema_is_a_valid_schema(command: str) -> None:
    Draft202012Validator.check_schema(json.loads(read_schema(command)))


def test_the_schema_of_status_has_exactly_the_existing_states() -> None:
    schema = json.loads(read_schema("status"))
    instance = schema["properties"]["instances"]["items"]["properties"]
    container = schema["$defs"]["container"]["properties"]
    assert set(instance["state"]["enum"]) == set(InstanceState)
    assert set(container["state"]["enum"]) == set(Condition)


def list_exit_codes(schema: Any) -> list[set[int]]:
    """The codes that a schema lists of each error in it."""
    if not isinstance(schema, dict):
        return []
    own = schema["exitCode"]["enum"] if "enum" in schema.get("exitCode", {}) else None
    inner = [codes for each in schema.values() for codes in list_exit_codes(each)]
    return [*inner, set(own)] if own else inner


@pytest.mark.parametrize("command", ANSWERS)
def test_an_error_may_have_each_exit_code_that_there_is(command: str) -> None:
    for codes in list_exit_codes(json.loads(read_schema(command))):
        assert codes == set(ExitCode) - {ExitCode.OK}


@pytest.mark.parametrize("command", ANSWERS)
def test_no_schema_accepts_an_arbitrary_document(command: str) -> None:
    documents: tuple[Any, ...] = ({}, [{}], {"instances": [{}]}, "text", None)
    for nonsense in documents:
        assert not validator(command).is_valid(nonsense)


@pytest.fixture
def answer(wb: CommandLine) -> Answer:
    """Run a command line with --json and without an engine. Check and return its answer."""

    def ask(*words: str, exits: int = 0) -> Any:
        code, document, _ = wb(*words, "--json")
        assert code == exits
        known = (" ".join(words[:count]) for count in (3, 2, 1))
        command = next(name for name in known if name in ANSWERS)
        return check(command, document)

    return ask


def test_commands_that_need_no_engine(answer: Answer, tmp_path: Path) -> None:
    answer("config", "add", "demo", "--tag", "field", "env.A=b", "memory=2g")
    answer("config", "set", "demo", "label=Demo")
    answer("config", "unset", "demo", "memory")
    answer("config", "show", "demo")
    answer("config", "settings")
    answer("config", "fields")
    answer("autostart", "status", exits=ExitCode.FAILURE)
    answer("init-dirs", "demo")
    assert answer("init-dirs", "demo")["instances"][0]["folders"][0]["created"] is False
    first = answer("init-dirs", "demo")["instances"][0]["folders"][0]["path"]
    folder = str(Path(first).parent)
    removed = answer("config", "remove", "demo", "--force", "--yes")
    assert (removed["folder"], removed["siteStays"]) == (folder, False)
    answer("config", "add", "demo")
    answer("config", "add", "bare")
    assert answer("config", "remove", "bare", "--force", "--yes")["folder"] is None
    file = tmp_path / "servers.json"
    file.write_text(json.dumps([*json.loads(file.read_text()), {"id": "host"}, 7]))
    assert len(answer("config", "list")["refused"]) == 2
    assert answer("config", "validate", exits=ExitCode.USAGE)["valid"] == ["demo"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("config", "show", "nobody"), ExitCode.USAGE),
        (("config", "add", "Host"), ExitCode.USAGE),
        (("config", "list", "--colour"), ExitCode.USAGE),
        (("run",), ExitCode.USAGE),
        (("run", "nobody"), ExitCode.USAGE),
        (("run", "demo", "--timeout", "soon"), ExitCode.USAGE),
        (("images", "build", "nonsense"), ExitCode.USAGE),
        (("status", "@nobody"), ExitCode.USAGE),
    ],
)
def test_errors(answer: Answer, words: tuple[str, ...], code: ExitCode) -> None:
    assert answer(*words, exits=code)["error"]["exitCode"] == code


@pytest.fixture
def answer_without_engine(tmp_path: Path) -> Answer:
    """Run a command line with --json where no engine answers. Check and return its answer."""

    def ask(*words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "wb_cli", *words, "--json"],
            env=os.environ
            | {
                "WB_CONFIG_DIR": str(tmp_path),
                "SERVERS_FILE_PATH": str(tmp_path / "servers.json"),
                "DOCKER_HOST": f"unix://{tmp_path}/nobody",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == ExitCode.ENGINE_UNREACHABLE
        return check(words[0], done.stdout)

    return ask


@pytest.mark.parametrize("command", ["stop all", "pull", "images build", "status"])
def test_errors_without_an_engine(answer_without_engine: Answer, command: str) -> None:
    answer = answer_without_engine(*command.split())
    assert answer["error"]["kind"] == "EngineUnreachable"


def test_of_each_unknown_instance_status_says_why(
    answer_without_engine: Answer, tmp_path: Path
) -> None:
    entry = {"id": "demo", "label": "Demo", "port": 9001, "serverVersion": "1"}
    (tmp_path / "servers.json").write_text(json.dumps([entry]))
    (demo,) = answer_without_engine("status")["instances"]
    (note,) = demo["notes"]
    assert note.startswith("the Docker Engine does not answer at unix://")


def test_a_word_that_is_no_command_has_no_schema() -> None:
    with pytest.raises(UsageError, match="'wb'"):
        read_schema("wb")


@pytest.mark.engine
def test_commands_on_an_engine(host: Host) -> None:
    def answer(*words: str, exits: int = 0, **environ: str) -> Any:
        done = host.wb(*words, "--json", exits=exits, **environ)
        return check(words[0], done.stdout)

    def result(*words: str, exits: int = 0) -> str:
        (ended,) = answer(*words, exits=exits)["instances"]
        return str(ended["result"])

    id_ = host.prepare()
    assert result("run", id_, "--dry-run") == "planned"
    (ready,) = answer("run", id_)["instances"]
    (network,) = host.networks(id_)
    assert ready["result"] == "ready"
    assert ready["network"] == network.attrs["IPAM"]["Config"][0]["Subnet"]
    assert result("run", id_) == "unchanged"
    assert answer("status")["instances"][0]["state"] == "running"
    host.change(id_, env={"MODE": "exits"})
    assert result("run", id_, exits=ExitCode.FAILURE) == "failed"
    host.change(id_, env={"MODE": "healthy"})
    host.wb("stop", id_)
    (host.folder(id_) / "valkey_data" / "dump.rdb").write_bytes(b"REDIS0011 torn")
    assert result("restart", id_, exits=ExitCode.DEGRADED) == "degraded"
    assert answer("status")["instances"][0]["state"] == "degraded"
    assert result("stop", id_) == "stopped"
    assert result("stop", id_) == "not running"
    host.forget(id_)
    assert answer("pull", WB_PULL_IMAGES=POSTGRES_IMAGE)["images"][0]["result"] == "local"


@pytest.mark.engine
def test_the_files_of_images(host: Host, tmp_path: Path) -> None:
    file = str(tmp_path / "images.tar")
    host.declare()
    done = host.wb("images", "save", file, "--json", WB_PULL_IMAGES=VALKEY_IMAGE)
    saved = check("images save", done.stdout)
    assert (saved["file"], saved["bytes"]) == (file, Path(file).stat().st_size)
    assert VALKEY_IMAGE in saved["images"]
    loaded = check("images load", host.wb("images", "load", file, "--json").stdout)
    assert loaded == saved
    refused = host.wb("images", "save", "-", "--json", exits=ExitCode.USAGE)
    assert check("images save", refused.stdout)["error"]["kind"] == "Usage"


@pytest.mark.engine
def test_what_setup_does(host: Host) -> None:
    planned = check("setup", host.wb("setup", "--dry-run", "--json").stdout)
    assert {step["result"] for step in planned["steps"]} == {"planned"}
    assert not planned["isReady"]
    done = check("setup", host.wb("setup", "--yes", "--json").stdout)
    assert [step["task"] for step in done["steps"]] == [step["task"] for step in planned["steps"]]
    assert {step["result"] for step in done["steps"]} == {"done"}
    assert done["isReady"]
    again = check("setup", host.wb("setup", "--json").stdout)
    assert (again["steps"], again["isReady"]) == ([], True)
    host.declare(image="wb-test-no-such-image:1")
    failed = check("setup", host.wb("setup", "--yes", "--json", exits=ExitCode.PARTIAL).stdout)
    assert [step["result"] for step in failed["steps"]] == ["failed"]
    assert failed["steps"][0]["error"]["message"]
