"""wb config diff on an engine in memory."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
from support.command_line import use_own_settings
from support.fake_engine import FakeEngine
from support.wb_host import free_pair_of_ports

from wb_cli.cli.commands import config
from wb_cli.cli.console import Console
from wb_cli.cli.context import Wb
from wb_cli.contract import FOLDERS
from wb_cli.errors import ExitCode
from wb_cli.lifecycle import actions
from wb_cli.lifecycle.options import RunOptions, Verb
from wb_cli.lifecycle.readiness import health, probes

FLAGS = {"postgres_image": "pg:1", "valkey_image": "vk:1", "platform_image": "app:{version}"}


@dataclass
class Fleet:
    """Instances on an engine in memory."""

    folder: Path
    engine: FakeEngine
    capsys: pytest.CaptureFixture[str]
    ports: dict[str, int] = field(default_factory=dict)

    def _make_wb(self) -> Wb:
        wb = Wb(FLAGS, None, Console())
        wb.__dict__["engine"] = self.engine
        return wb

    def __call__(self, *words: str) -> tuple[int, str, str]:
        command = typer.main.get_command(config.app)
        code = command.main(list(words), obj=self._make_wb(), standalone_mode=False) or 0
        return code, *self.capsys.readouterr()

    def run(self, id_: str) -> None:
        for name in FOLDERS:
            (self.folder / id_ / name).mkdir(parents=True, exist_ok=True)
        wb = self._make_wb()
        actions.run(wb.fleet, wb.registry.find(id_), RunOptions(Verb.RUN, 5.0))

    def write(self, *ids: str, **more: Any) -> None:
        entries = [
            {"id": id_, "label": id_, "port": self.find_port(id_), "serverVersion": "1", **more}
            for id_ in ids
        ]
        (self.folder / "servers.json").write_text(json.dumps(entries))

    def find_port(self, id_: str) -> int:
        """Find the port of an instance, which nothing on this machine has."""
        if id_ not in self.ports:
            self.ports[id_] = free_pair_of_ports()
        return self.ports[id_]


@pytest.fixture
def fleet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Fleet:
    """The instances a and b, which run, and c, which does not."""
    use_own_settings(tmp_path, monkeypatch)
    unreachable = probes.Answer(probes.Verdict.UNREACHABLE)
    monkeypatch.setattr(probes, "ask_http", lambda *_: unreachable)
    monkeypatch.setattr(health, "EXEC_INTERVAL_S", 0.01)
    fleet = Fleet(tmp_path, FakeEngine(["pg:1", "vk:1", "app:1"]), capsys)
    fleet.write("a", "b", "c")
    fleet.run("a")
    fleet.run("b")
    return fleet


def test_a_fleet_that_runs_as_declared_has_no_difference(fleet: Fleet) -> None:
    code, answer, talk = fleet("diff", "--exit-code")
    assert code == ExitCode.OK
    assert answer == "2 of 2 instances unchanged; nothing was changed\n"
    assert talk == "not running: c\n"


def test_each_part_that_run_would_touch_is_a_line_with_its_reason(fleet: Fleet) -> None:
    fleet("set", "a", "c", "label=New")
    before = fleet.engine.snapshot()
    code, answer, _ = fleet("diff")
    assert code == ExitCode.OK
    assert answer.splitlines() == [
        "a  ~ platform  replace: INSTANCE_NAME a -> New",
        "1 to replace, 1 of 2 instances unchanged; nothing was changed",
    ]
    assert fleet.engine.snapshot() == before
    assert fleet("diff", "--exit-code")[0] == ExitCode.DIFFERS
    assert fleet("diff", "b", "--exit-code")[0] == ExitCode.OK


def test_a_missing_image_or_folder_is_no_obstacle_to_looking(fleet: Fleet) -> None:
    fleet("set", "a", "serverVersion=9")
    assert "image 1 -> 9" in fleet("diff", "a")[1]


def test_an_instance_that_is_no_longer_declared_is_named(fleet: Fleet) -> None:
    fleet.write("a")
    code, answer, _ = fleet("diff", "--exit-code")
    assert code == ExitCode.DIFFERS
    assert "b  - is no longer declared; `wb stop b` stops it" in answer
    assert json.loads(fleet("diff", "--json")[1])["undeclared"] == ["b"]


def test_a_refused_entry_is_named_and_the_others_are_compared(fleet: Fleet) -> None:
    file = fleet.folder / "servers.json"
    file.write_text(json.dumps([*json.loads(file.read_text()), {"id": "d"}]))
    code, answer, talk = fleet("diff", "--exit-code")
    assert code == ExitCode.PARTIAL
    assert "d: the entry is refused" in talk
    assert "2 of 2 instances unchanged" in answer


def test_an_instance_that_cannot_be_planned_is_told(fleet: Fleet) -> None:
    (fleet.folder / "secrets" / "a.json").write_text("{")
    code, answer, talk = fleet("diff", "--exit-code")
    assert code == ExitCode.PARTIAL
    assert "cannot read the secrets" in talk
    assert "1 cannot be planned: a" in answer
