"""Another host is named by a URL, a Docker context, or what ssh takes for a machine."""

import hashlib
import json
from pathlib import Path

import pytest

from wb_cli.cli.hosts import name_host


@pytest.fixture(autouse=True)
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One Docker context, as `docker context create` makes it."""
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"field").hexdigest()
    meta.mkdir(parents=True)
    endpoint = {"Host": "ssh://root@far:2222", "SkipTLSVerify": False}
    document = {"Name": "field", "Metadata": {}, "Endpoints": {"docker": endpoint}}
    (meta / "meta.json").write_text(json.dumps(document))
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("ssh://far/run/docker.sock", "ssh://far/run/docker.sock"),
        ("tcp://far:2376", "tcp://far:2376"),
        ("field", "context:field"),
        ("far", "ssh://far"),
        ("root@far", "ssh://root@far"),
    ],
)
def test_a_host_is_found_by_its_name(word: str, name: str) -> None:
    assert name_host(word) == name
