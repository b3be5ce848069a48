"""An operator's host with a real nginx, and an instance whose platform is a stand-in."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine
from support.wb_host import free_pair_of_ports
from support.web.nginx_host import NginxHost
from support.web.upstream import Upstream

from wb_cli.edge.site import CertificateFiles
from wb_cli.errors import ExitCode
from wb_cli.lifecycle.sites import survey


class Edge:
    """nginx, the platform behind it, and the command line of wb."""

    def __init__(self, nginx: NginxHost, upstream: Upstream, wb: CommandLine, file: Path) -> None:
        self.nginx, self.upstream, self.wb, self.file = nginx, upstream, wb, file
        self.entries: dict[str, dict[str, Any]] = {}
        self.declare("demo")

    def declare(self, id_: str, **fields: Any) -> None:
        """Declare an instance, or change what is declared of it."""
        usual: dict[str, Any] = {"id": id_, "label": f"Label of {id_}", "serverVersion": "1.0"}
        usual["port"] = self.upstream.port if id_ == "demo" else free_pair_of_ports()
        self.entries[id_] = usual | self.entries.get(id_, {}) | fields
        self.save()

    def save(self) -> None:
        """Write the registry file."""
        self.file.write_text(json.dumps(list(self.entries.values())))

    def init(self, *words: str, exits: int = ExitCode.OK) -> Any:
        """`wb init-nginx`; its answer."""
        code, answer, talk = self.wb("init-nginx", *(words or ("demo",)))
        assert code == exits, answer + talk
        return answer + talk

    def state(self, id_: str = "demo") -> tuple[str, str | None]:
        """The state of a site, and whether it is served."""
        code, answer, _ = self.wb("list-nginx", "--json")
        assert code == ExitCode.OK
        (site,) = (site for site in json.loads(answer)["sites"] if site["id"] == id_)
        return site["state"], site["served"]


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[NginxHost]:
    """nginx, not started yet."""
    host = NginxHost(tmp_path / "nginx")
    yield host
    host.stop()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """What answers in the platform's place."""
    server = Upstream(free_pair_of_ports())  # a platform may have this port
    yield server
    server.close()


@pytest.fixture
def edge(
    nginx: NginxHost,
    upstream: Upstream,
    wb: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Edge:
    """The host, with nginx running."""
    for name, value in nginx.environ.items():
        monkeypatch.setenv(name, value)
    nginx.start()
    return Edge(nginx, upstream, wb, tmp_path / "servers.json")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CertificateFiles:
    """A certificate of one's own signature, which every instance then has."""
    files = CertificateFiles(tmp_path / "chain.pem", tmp_path / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=demo.example.org"),
            *("-keyout", str(files.key), "-out", str(files.chain)),
        ],
        check=True,
        capture_output=True,
    )
    monkeypatch.setattr(survey, "find_certificate", lambda *_: files)
    return files
