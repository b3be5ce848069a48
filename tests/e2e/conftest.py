"""Operators' machines whose instances run the real platform."""

import docker
import pytest
from support.fixtures.hosts import NewHost, hosts_with
from support.services import PLATFORM_IMAGE


@pytest.fixture(scope="session")
def new_host(docker_client: docker.DockerClient, run_id: str) -> NewHost:
    """Make an operator's machine in a folder."""
    return hosts_with(PLATFORM_IMAGE, docker_client, run_id)
