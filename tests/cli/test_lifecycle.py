"""wb run / stop / restart: the action and the options of each command line."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.command_line import use_own_settings

from wb_cli.cli import app as boundary
from wb_cli.cli.context import Wb
from wb_cli.engine.types import Observed
from wb_cli.host import kernel
from wb_cli.lifecycle.guard import capacity
from wb_cli.lifecycle.guard.capacity import Room
from wb_cli.lifecycle.options import RunOptions, Verb, choose_parallel

ENTRIES = [
    {"id": "a", "label": "A", "port": 9001, "serverVersion": "1.6.7", "tags": ["west"]},
    {
        "id": "b",
        "label": "B",
        "port": 9002,
        "serverVersion": "1.7.0",
        "tags": ["west"],
        "priority": 1,
    },
    {"id": "c", "label": "C", "port": 9003, "serverVersion": "1.7.0"},
]


PROCESSORS = 3


class NoEngine:
    """An engine of another machine, without containers. It accepts no other call."""

    is_local = False

    def observe(self) -> Observed:
        return Observed()


class Options(NamedTuple):
    """The options of an action on a command line."""

    verb: Verb
    timeout_s: float
    wait_s: float
    parallel: int
    dry_run: bool


Asked = tuple[list[str], Options, bool]


def asked_for(options: RunOptions) -> Options:
    return Options(*(getattr(options, name) for name in Options._fields))


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """Record what the commands ask for: ids, options, and whether all are checked first."""
    use_own_settings(tmp_path, monkeypatch)
    (tmp_path / "servers.json").write_text(json.dumps(ENTRIES))
    monkeypatch.setattr(Wb, "engine", NoEngine())
    monkeypatch.setattr(kernel, "count_processors", lambda: PROCESSORS)
    monkeypatch.setattr(capacity, "find_room", lambda *_: Room({}))
    handed: list[Asked] = []

    def act_on_each(
        _: Wb, ids: list[str], __: Any, options: RunOptions, check: Any = None, **_more: Any
    ) -> int:
        handed.append((list(ids), asked_for(options), check is not None))
        return 0

    monkeypatch.setattr("wb_cli.cli.commands.lifecycle.act_on_each", act_on_each)
    return handed


RUN = Options(Verb.RUN, timeout_s=120, wait_s=0, parallel=PROCESSORS, dry_run=False)
STOP = Options(Verb.STOP, timeout_s=30, wait_s=0, parallel=4, dry_run=False)
RESTART = Options(Verb.RESTART, timeout_s=120, wait_s=0, parallel=1, dry_run=False)
LINES: dict[str, Asked] = {
    "run a": (["a"], RUN, False),
    "start a": (["a"], RUN, False),
    "run c a": (["a", "c"], RUN, True),
    "run c a --force": (["a", "c"], RUN, False),
    "run @west": (["b", "a"], RUN, True),
    "run server=1.7.0 a": (["b", "a", "c"], RUN, True),
    "run all --dry-run": (["b", "a", "c"], Options(Verb.RUN, 120, 0, 3, dry_run=True), True),
    "run --timeout 5 --wait 9 --parallel 2 a": (["a"], Options(Verb.RUN, 5, 9, 2, False), False),
    "run a --json": (["a"], RUN, False),
    "stop a": (["a"], STOP, False),
    "stop all --dry-run": (["a", "b", "c"], Options(Verb.STOP, 30, 0, 4, True), False),
    "stop a --timeout 0 --wait 1.5": (["a"], Options(Verb.STOP, 0, 1.5, 4, False), False),
    "restart @west": (["b", "a"], RESTART, True),
    "restart a --timeout 7 --wait 2 --dry-run": (["a"], Options(Verb.RESTART, 7, 2, 1, True), True),
}


@pytest.mark.parametrize(("line", "expected"), LINES.items(), ids=LINES)
def test_a_command_line_becomes_an_action_with_options(
    asked: list[Any], line: str, expected: Asked
) -> None:
    assert boundary.run(line.split()) == 0
    assert asked == [expected]


@pytest.mark.parametrize(
    "line",
    ["run", "run nobody", "run @nowhere", "run server=9", "run a nobody", "restart", "stop",
     "stop nobody", "run colour=red", "run a --colour"],
)  # fmt: skip
def test_a_wrong_command_line_starts_no_action(asked: list[Any], line: str) -> None:
    assert boundary.run(line.split()) == 2
    assert asked == []


@pytest.mark.parametrize("content", ["{", "[]", None], ids=["invalid", "empty", "absent"])
def test_run_with_an_empty_registry_file_is_an_error(
    asked: list[Any], tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is None:
        (tmp_path / "servers.json").unlink()
    else:
        (tmp_path / "servers.json").write_text(content)
    assert boundary.run(["run", "all"]) != 0
    assert asked == []
    assert "hint: " in capsys.readouterr().err


@pytest.mark.parametrize(("processors", "at_a_time"), [(1, 2), (2, 2), (6, 6), (64, 8)])
def test_as_many_instances_start_at_a_time_as_there_are_processors(
    processors: int, at_a_time: int
) -> None:
    assert choose_parallel(processors) == at_a_time


def test_run_of_what_is_present_does_nothing_where_nothing_is(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert boundary.run(["run", "all", "--present"]) == 0
    assert "Nothing to run" in capsys.readouterr().err
    assert boundary.run(["run", "all", "--present", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"instances": [], "refused": []}
    assert asked == []
