"""An operator's machine whose instances run the real platform."""

from pathlib import Path

import docker
import pytest
from conftest import RUN_LABEL
from wb_host import Host

from wb_cli import __version__

PLATFORM = f"wb-platform:{__version__}"


@pytest.fixture
def host(docker_client: docker.DockerClient, run_id: str, tmp_path: Path):
    made = Host(tmp_path, docker_client, f"{RUN_LABEL}={run_id}", PLATFORM)
    made.mount_path.mkdir()
    yield made
    made.close()
