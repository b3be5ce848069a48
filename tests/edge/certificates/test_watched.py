"""What is wrong with a certificate is found as nginx serves it, and gone after what is said."""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edge.conftest import Edge
from support.json_answers import check
from support.web.acme_host import AcmeHost

from wb_cli.errors import ExitCode
from wb_cli.host.web import certbot
from wb_cli.observe.doctor.checks.certificates import CRON_FILE

pytestmark = [
    pytest.mark.edge,
    # `wb doctor` leaves its connections to the end of the process; here the process goes on.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
NAME = "demo.example.org"


class Watched:
    """An instance with a certificate, and what is found of it."""

    def __init__(self, edge: Edge, acme: AcmeHost, folder: Path) -> None:
        self.edge, self.acme, self.folder = edge, acme, folder
        self.hook = folder / "config" / "hooks" / "reload-nginx"
        edge.init()

    def put(self, *names: str, **fields: Any) -> None:
        """Have nginx serve a certificate as if certbot had got it."""
        self.acme.put_certificate(*(names or (NAME,)), **{"hook": str(self.hook)} | fields)
        self.edge.wb("init-nginx", "demo")
        self.reload()

    def reload(self) -> None:
        assert self.edge.wb("reload-nginx").code == ExitCode.OK

    def find(self, code: str) -> list[dict[str, Any]]:
        """The findings of one check. The engine is not asked about: none is needed."""
        _, answer, _ = self.edge.wb("doctor", "--json")
        return [found for found in json.loads(answer)["findings"] if found["code"] == code]

    def mend(self, finding: dict[str, Any]) -> None:
        """Do what a finding says, to the letter."""
        program = self.folder / "bin" / "wb"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m wb_cli "$@"\n')
        program.chmod(0o755)
        for said in finding["commands"]:
            # A process of its own does not find the names of this test, so the way is not tried.
            command = said.replace("init-ssl demo", "init-ssl demo --no-check")
            command = command.replace(CRON_FILE, str(self.folder / "cron"))
            done = subprocess.run(
                ["bash", "-ec", command],
                env=os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


@pytest.fixture
def watched(
    edge: Edge, acme: AcmeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watched]:
    """A machine on which cron renews certificates."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    (tmp_path / "cron").write_text("17 3 * * * root certbot renew\n")
    monkeypatch.setattr(certbot, "TIMERS", "/nowhere")
    monkeypatch.setattr(certbot, "CRON_FILES", (str(tmp_path / "cron"),))
    yield Watched(edge, acme, tmp_path)
    gc.collect()  # what the engine's client left open is told here, and not to a later test


@pytest.mark.parametrize(
    ("ends", "severity", "verb"),
    [(20, "warning", "expires"), (6, "critical", "expires"), (-1, "critical", "expired")],
)
def test_a_certificate_that_ends_soon(
    watched: Watched, ends: float, severity: str, verb: str
) -> None:
    watched.put(begins=ends - 90, ends=ends)
    (found,) = watched.find("tls-expiring")
    assert (found["severity"], found["subjects"]) == (severity, ["demo"])
    assert f"its certificate {verb} 20" in found["what"]
    watched.mend(found)
    assert watched.find("tls-expiring") == []


def test_a_missed_reload(watched: Watched) -> None:
    watched.put(ends=60)
    watched.acme.put_certificate(NAME, ends=89, hook=str(watched.hook))
    (found,) = watched.find("tls-stale")
    watched.mend(found)
    assert watched.find("tls-stale") == []
    assert len(watched.acme.list_issued()) == 2


def test_a_name_that_does_not_match(watched: Watched) -> None:
    watched.put()
    site = watched.edge.nginx.site()
    text = site.read_text()
    live = watched.acme.put_certificate("other.example.org")
    site.write_text(text.replace(str(live.with_name(NAME)), str(live)))
    watched.reload()
    (found,) = watched.find("tls-name")
    assert f"for other.example.org at {NAME}" in found["what"]
    watched.mend(found)
    assert watched.find("tls-name") == []


def test_a_key_that_everybody_can_read(watched: Watched) -> None:
    watched.put()
    (key,) = (watched.acme.certbot / "archive" / NAME).glob("privkey*.pem")
    key.chmod(0o644)
    (found,) = watched.find("tls-key-open")
    watched.mend(found)
    assert watched.find("tls-key-open") == []
    assert key.stat().st_mode & 0o777 == 0o640


def test_a_certificate_that_is_gone(watched: Watched) -> None:
    watched.put()
    watched.acme.run_certbot("delete", "--cert-name", NAME)
    (found,) = watched.find("tls-gone")
    assert found["severity"] == "critical"
    watched.mend(found)
    assert watched.find("tls-gone") == []
    assert watched.edge.nginx.ask("/").status == 200


def test_a_script_that_is_gone(watched: Watched) -> None:
    watched.put()
    (found,) = watched.find("tls-not-renewed")
    assert "the script is gone" in found["what"]
    watched.mend(found)
    assert watched.find("tls-not-renewed") == []


def test_a_renewal_that_does_not_reload_nginx(watched: Watched) -> None:
    watched.put(hook="")
    (found,) = watched.find("tls-not-renewed")
    assert "does not reload nginx" in found["what"]
    watched.mend(found)
    assert watched.find("tls-not-renewed") == []


def test_a_machine_on_which_nothing_renews(watched: Watched) -> None:
    watched.put()
    watched.edge.wb("init-ssl", "demo")
    (watched.folder / "cron").unlink()
    (found,) = watched.find("tls-not-renewed")
    assert "nothing on this machine starts certbot's renewal" in found["what"]
    watched.mend(found)
    assert watched.find("tls-not-renewed") == []


def test_what_is_served_is_listed(watched: Watched) -> None:
    watched.edge.declare("other")
    watched.put(ends=60.5)
    watched.acme.put_certificate(NAME, ends=80.5, hook=str(watched.hook))
    code, answer, _ = watched.edge.wb("list-ssl", "--json")
    demo, other = check("list-ssl", answer)["instances"]
    assert (code, demo["daysLeft"], demo["isFileServed"]) == (ExitCode.OK, 60, False)
    assert demo["servedValidUntil"] < demo["fileValidUntil"]
    assert (other["lineage"], other["daysLeft"], other["isFileServed"]) == (None, None, False)
    _, answer, _ = watched.edge.wb("list-ssl")
    assert [line.split()[2] for line in answer.splitlines()] == ["LEFT", "60d", "-"]


def test_what_nobody_serves_is_unknown_and_not_well(watched: Watched) -> None:
    watched.put()
    watched.edge.nginx.stop()
    _, answer, _ = watched.edge.wb("list-ssl")
    (_, row) = answer.splitlines()
    assert row.split()[2:4] == ["?", "?"]
    assert "does not answer: connection refused" in row


def test_the_status_has_the_days_that_are_left_even_without_an_engine(watched: Watched) -> None:
    watched.edge.declare("other")
    watched.put(ends=60.5)
    code, answer, _ = watched.edge.wb("status", "--wide", "--json")
    demo, other = check("status", answer)["instances"]
    assert code == ExitCode.ENGINE_UNREACHABLE
    assert demo["certificate"]["daysLeft"] == 60
    assert "certificate" not in other
