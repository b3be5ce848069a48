"""An operator's machine whose instances run the real platform."""

from collections.abc import Callable
from pathlib import Path

import docker
import pytest
from conftest import RUN_LABEL
from integration.conftest import host, shared_host
from support.wb_host import Host

from wb_cli import __version__

__all__ = ["host", "new_host", "shared_host"]
PLATFORM = f"wb-platform:{__version__}"


@pytest.fixture(scope="session")
def new_host(docker_client: docker.DockerClient, run_id: str) -> Callable[[Path], Host]:
    """Makes an operator's machine in a folder."""

    def make(root: Path) -> Host:
        host = Host(root, docker_client, f"{RUN_LABEL}={run_id}", PLATFORM)
        host.mount_path.mkdir()
        return host

    return make
