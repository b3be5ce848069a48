"""An operator's machine whose instances run the real platform."""

from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from conftest import RUN_LABEL
from wb_host import Host

from wb_cli import __version__

PLATFORM = f"wb-platform:{__version__}"


@pytest.fixture(scope="session")
def new_host(docker_client: docker.DockerClient, run_id: str) -> Callable[[Path], Host]:
    """Makes an operator's machine in a folder."""

    def make(root: Path) -> Host:
        host = Host(root, docker_client, f"{RUN_LABEL}={run_id}", PLATFORM)
        host.mount_path.mkdir()
        return host

    return make


@pytest.fixture
def host(new_host: Callable[[Path], Host], tmp_path: Path) -> Iterator[Host]:
    """A machine for one test."""
    made = new_host(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_host(
    new_host: Callable[[Path], Host], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """A machine that a module's tests share."""
    made = new_host(tmp_path_factory.mktemp("host"))
    yield made
    made.close()
