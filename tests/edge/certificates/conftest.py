"""A real certificate authority beside the real nginx."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from edge.conftest import Edge
from support.web.acme_host import AcmeHost, resolve_here


@pytest.fixture
def acme(edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AcmeHost]:
    """The authority, and certbot's folders. All names lead to this machine."""
    host = AcmeHost(tmp_path / "acme", edge.nginx.http_port)
    for name, value in host.environ.items():
        monkeypatch.setenv(name, value)
    resolve_here(monkeypatch)
    yield host.start()
    host.stop()
