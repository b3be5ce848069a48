"""`wb token` prints the platform's token, and nothing else."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.command_line import CommandLine

from wb_cli.cli.commands.inside import programs as inside
from wb_cli.errors import EngineUnreachableError, ExitCode
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.instances.secrets import SecretStore


@pytest.fixture
def demo(wb: CommandLine) -> str:
    wb("config", "add", "demo", "serverVersion=1")
    return "demo"


def test_the_token_is_a_line_or_json(wb: CommandLine, demo: str, tmp_path: Path) -> None:
    made = SecretStore(tmp_path / "secrets").create(demo).admin_token.reveal()
    assert wb("token", demo) == (ExitCode.OK, f"{made}\n", "")
    code, answer, _ = wb("token", demo, "--json")
    assert (code, json.loads(answer)) == (ExitCode.OK, {"id": demo, "token": made})


def test_an_instance_that_never_started_has_no_token(wb: CommandLine, demo: str) -> None:
    code, answer, talk = wb("token", demo)
    assert (code, answer) == (ExitCode.FAILURE, "")
    assert talk == ("error: demo has no token yet: its first start makes it\nhint: `wb run demo`\n")


@pytest.mark.usefixtures("demo")
def test_an_unknown_instance_is_named(wb: CommandLine) -> None:
    code, _, talk = wb("token", "dmeo")
    assert code == ExitCode.USAGE
    assert "dmeo" in talk


def test_databases_are_completed_and_a_failure_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    from wb_cli.lifecycle import databases

    wb = SimpleNamespace(engine=None, registry=Registry())
    monkeypatch.setattr(inside, "get_wb", lambda _: wb)
    monkeypatch.setattr(databases, "list_databases", lambda *_: ["main", "other"])
    ctx: Any = SimpleNamespace(params={"instance": "demo", "words": None})
    assert inside.complete_database(ctx, [], "") == ["main", "other"]
    assert inside.complete_database(ctx, [], "o") == ["other"]

    def refuse(*_: object) -> list[str]:
        raise EngineUnreachableError("the engine does not answer")

    monkeypatch.setattr(databases, "list_databases", refuse)
    assert inside.complete_database(ctx, [], "") == []
