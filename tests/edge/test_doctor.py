"""wb doctor and a real nginx: each finding is provoked, and gone after doing what it says."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from edge.conftest import Edge
from edge.test_sites import BROKEN, put

pytestmark = pytest.mark.edge


def change_the_port(edge: Edge) -> None:
    edge.declare("demo", port=9009)


def unlink_the_site(edge: Edge) -> None:
    edge.nginx.link().unlink()


def change_the_file_by_hand(edge: Edge) -> None:
    edge.nginx.site().write_text(edge.nginx.site().read_text() + "# by hand\n")


def take_the_entry_out(edge: Edge) -> None:
    edge.declare("other")
    del edge.entries["demo"]
    edge.save()


def stop_nginx(edge: Edge) -> None:
    edge.nginx.stop()


def break_a_neighbour(edge: Edge) -> None:
    put(edge.nginx, "neighbour", BROKEN)


PROVOKED: list[tuple[str, Callable[[Edge], None]]] = [
    ("site-differs", change_the_port),
    ("site-differs", unlink_the_site),
    ("site-differs", change_the_file_by_hand),
    ("site-undeclared", take_the_entry_out),
    ("nginx-down", stop_nginx),
    ("nginx-refuses", break_a_neighbour),
]


@pytest.mark.parametrize(("code", "provoke"), PROVOKED)
def test_what_a_finding_says_mends_it(
    edge: Edge,
    code: str,
    provoke: Callable[[Edge], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
    edge.init()
    assert code not in look()
    provoke(edge)
    finding = look()[code]
    mend(edge, finding)
    assert code not in look()


def look() -> dict[str, Any]:
    """What `wb doctor` finds, by code. It leaves its connections to the end of its process."""
    words = [sys.executable, "-m", "wb_cli", "doctor", "--json"]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    return {finding["code"]: finding for finding in json.loads(done.stdout)["findings"]}


def mend(edge: Edge, finding: Any) -> None:
    """Do what a finding says: its command, or what its advice says of a line of a file."""
    if finding["advice"]:
        place = f"line 3 of {edge.nginx.enabled / 'neighbour'}"
        assert finding["advice"] == f"Correct it there: {place}."
        (edge.nginx.available / "neighbour").write_text("# well\n")
    for command in finding["commands"]:
        words = shlex.split(command)
        if words[0] == "wb":
            code, _, talk = edge.wb(*words[1:])
            assert code == 0, talk
        else:
            subprocess.run(words, check=True, capture_output=True)


def test_without_a_site_nginx_is_not_asked(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WB_NGINX_COMMAND", "/nowhere/nginx")
    assert edge.nginx.pid
    assert "nginx" not in json.dumps(look())
