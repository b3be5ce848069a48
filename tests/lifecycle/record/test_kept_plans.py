"""Plans in a file: what is read is what was written, and what does not fit is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import running, wanted
from msgspec.structs import replace

from wb_cli import __version__
from wb_cli.errors import UsageError, WbError
from wb_cli.lifecycle.options import Verb
from wb_cli.lifecycle.planning.reconcile import plan_stop
from wb_cli.lifecycle.record.kept_plans import FORMAT, KeptPlan, KeptPlans, read, write

REGISTRY = "/srv/servers.json"
DEMO = KeptPlan("demo", ("platform: image 1 -> 2: stop demo",), {"container demo": "running 1a2b"})
PLANS = KeptPlans(FORMAT, __version__, "2026-01-02T03:04:05+00:00", REGISTRY, Verb.RUN, (DEMO,))


TWICE = {"instance": "demo", "steps": [], "madeFrom": {}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plans.json"
    write(path, PLANS)
    return path


def change(file: Path, **fields: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_plans_are_read_as_they_were_written(file: Path) -> None:
    assert read(file, REGISTRY) == PLANS
    assert read(file, REGISTRY).plans[0].agreed.steps == DEMO.steps


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"wb": "0.0.1"}, r"made by wb 0\.0\.1"),
        ({"format": 2}, "made by wb"),
        ({"verb": "stop"}, "a plan for `wb stop` cannot be applied"),
        ({"verb": "dance"}, "is no file of plans"),
        ({"more": 1}, "is no file of plans"),
        ({"registry": "/other.json"}, r"made for the registry file /other\.json, not for /srv"),
        (
            {"plans": [{"instance": "demo", "steps": [], "madeFrom": {}}] * 2},
            "names an instance twice",
        ),
        ({"plans": []}, "has no plan in it"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(
    file: Path, fields: dict[str, Any], words: str
) -> None:
    change(file, **fields)
    with pytest.raises(UsageError, match=words):
        read(file, REGISTRY)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null"])
def test_a_damaged_file_is_refused_by_its_name(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"plans\.json is no file of plans"):
        read(file, REGISTRY)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WbError, match=r"cannot read .*none\.json"):
        read(tmp_path / "none.json", REGISTRY)


def test_a_plan_is_kept_with_each_step_and_its_cause() -> None:
    plan = replace(plan_stop("demo", running(wanted())), basis={"container demo": "running 1a2b"})
    kept = KeptPlan.of(plan)
    assert kept.instance == "demo"
    assert kept.made_from == {"container demo": "running 1a2b"}
    assert kept.steps[0] == "demo: stop: stop demo (at most 10 s)"
    assert len(kept.steps) == len(list(plan.operations))
