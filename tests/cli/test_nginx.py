"""wb init-nginx / remove-nginx / list-nginx, with a program in nginx's place.

`make edge` tries them on a real nginx.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import CommandLine
from support.json_answers import check
from support.web.nginx_stand_in import make_nginx

from wb_cli.cli.commands import lifecycle
from wb_cli.cli.context import Wb
from wb_cli.engine.types import Observed
from wb_cli.errors import ExitCode

Declare = Callable[..., None]


@pytest.fixture
def declare(wb: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declare instances on a host with nginx."""
    del wb
    for name, value in make_nginx(tmp_path / "nginx").items():
        monkeypatch.setenv(name, value)

    def write(*ids: str, **fields: str) -> None:
        entries = [
            {"id": id_, "label": id_, "port": 9001 + number, "serverVersion": "1"} | fields
            for number, id_ in enumerate(ids)
        ]
        (tmp_path / "servers.json").write_text(json.dumps([*entries, {"id": "host"}]))

    write("demo", "second")
    return write


def test_sites_are_written_listed_and_removed(wb: CommandLine, declare: Declare) -> None:
    code, answer, talk = wb("init-nginx", "demo")
    assert (code, answer) == (ExitCode.OK, "demo: written: http://demo.example.org\n")
    assert "nginx does not run" in talk
    code, answer, talk = wb("init-nginx", "all")
    assert code == ExitCode.PARTIAL  # an entry is refused, and named
    assert answer.splitlines() == [
        "demo: unchanged: http://demo.example.org",
        "second: written: http://second.example.org",
    ]
    assert "init-nginx" in wb("history", "demo").answer
    declare("demo")
    code, answer, talk = wb("list-nginx", "demo")
    assert code == ExitCode.OK
    assert "ours" in answer
    assert "nginx does not run" in talk
    _, answer, talk = wb("list-nginx")
    assert "undeclared" in answer
    assert "`wb remove-nginx second` removes it" in talk
    code, answer, _ = wb("remove-nginx", "second")
    assert (code, answer) == (ExitCode.OK, "second: removed\n")
    code, answer, _ = wb("remove-nginx", "all", "--dry-run")
    assert "demo: would be removed" in answer
    code, answer, _ = wb("remove-nginx", "demo", "nobody")
    assert code == ExitCode.USAGE


def test_the_answers_as_json_are_as_published(wb: CommandLine, declare: Declare) -> None:
    del declare
    _, answer, _ = wb("init-nginx", "all", "--json")
    changed = check("init-nginx", answer)
    assert [site["result"] for site in changed["sites"]] == ["written", "written"]
    assert changed["reload"] == "not running"
    assert [entry["id"] for entry in changed["refused"]] == ["host"]
    _, answer, _ = wb("list-nginx", "--json")
    listed = check("list-nginx", answer)
    assert [(site["state"], site["served"]) for site in listed["sites"]] == [("ours", None)] * 2
    _, answer, _ = wb("remove-nginx", "demo", "--json")
    (site,) = check("remove-nginx", answer)["sites"]
    assert (site["result"], site["url"]) == ("removed", None)
    assert site["diff"].startswith("--- ")


def test_a_failed_site_has_its_error_in_the_answer(
    wb: CommandLine, declare: Declare, tmp_path: Path
) -> None:
    del declare
    foreign = tmp_path / "nginx" / "available" / "wb-demo.conf"
    foreign.write_text("# mine\n")
    code, answer, _ = wb("init-nginx", "demo", "--json")
    (site,) = check("init-nginx", answer)["sites"]
    assert code == site["exitCode"] == ExitCode.FAILURE
    assert str(foreign) in site["error"]["message"]
    code, _, talk = wb("init-nginx", "demo")
    assert (code, f"{foreign} is not wb's" in talk) == (ExitCode.FAILURE, True)
    _, answer, talk = wb("list-nginx", "demo")
    assert ("foreign" in answer, f"{foreign} is not wb's" in talk) == (True, True)


def test_instances_that_this_nginx_cannot_serve_are_named(
    wb: CommandLine, declare: Declare
) -> None:
    declare("far", host="ssh://root@far")
    _, answer, talk = wb("list-nginx")
    assert (answer, "far: on other hosts" in talk, "No instance" in talk) == ("", True, False)
    _, answer, _ = wb("list-nginx", "--json")
    assert check("list-nginx", answer)["elsewhere"] == ["far"]


def test_where_there_is_nothing_it_is_said(wb: CommandLine, declare: Declare) -> None:
    declare()
    assert "Nothing to remove" in wb("remove-nginx", "all").talk
    assert "No instance is declared" in wb("list-nginx").talk


@pytest.mark.parametrize(("ids", "words"), [(["demo"], "site of demo stays"), (None, "sites of")])
def test_stop_says_that_the_sites_stay(
    wb: CommandLine,
    declare: Declare,
    monkeypatch: pytest.MonkeyPatch,
    ids: list[str] | None,
    words: str,
) -> None:
    del declare
    monkeypatch.setattr(Wb, "engine", type("NoEngine", (), {"observe": lambda _: Observed()})())
    monkeypatch.setattr(lifecycle, "act_on_each", lambda *_, **__: ExitCode.OK)
    assert "nginx" not in wb("stop", "demo").talk
    wb("init-nginx", "demo", "second")
    talk = wb("stop", *(ids or ["demo", "second"])).talk
    assert words in talk
    assert f"`wb remove-nginx {' '.join(ids or ['demo', 'second'])}` removes" in talk
