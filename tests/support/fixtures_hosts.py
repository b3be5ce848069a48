"""Fixtures for operators' machines on the real engine. A folder says in `new_host` what its
instances run; pytest gives each test the nearest.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from support.labels import RUN_LABEL
from support.platform_stand_in import Platforms, StandIns
from support.wb_host import Host

NewHost = Callable[[Path], Host]


@pytest.fixture(scope="session")
def platforms(docker_client: docker.DockerClient, run_id: str) -> Iterator[Platforms]:
    """Gives the image of the platform's stand-in that behaves as a mode says."""
    stand_ins = StandIns(docker_client, run_id)
    yield stand_ins.image
    stand_ins.close()


@pytest.fixture(scope="session")
def new_host(docker_client: docker.DockerClient, run_id: str, platforms: Platforms) -> NewHost:
    """Makes an operator's machine in a folder; its instances run the platform's stand-in."""
    return hosts_with(platforms("healthy"), docker_client, run_id)


def hosts_with(platform: str, client: docker.DockerClient, run_id: str) -> NewHost:
    """Makes machines whose instances run an image of the platform."""

    def make(root: Path) -> Host:
        host = Host(root, client, f"{RUN_LABEL}={run_id}", platform)
        host.mount_path.mkdir()
        return host

    return make


@pytest.fixture
def host(new_host: NewHost, tmp_path: Path) -> Iterator[Host]:
    """A machine for one test, on which nothing may be left."""
    made = new_host(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_host(new_host: NewHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A machine that a module's tests share."""
    made = new_host(tmp_path_factory.mktemp("host"))
    yield made
    made.close()
