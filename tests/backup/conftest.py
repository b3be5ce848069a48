"""Machines with backups, on which no container of a task may be left."""

from collections.abc import Iterator

import docker
import pytest
from backup.receiving import receiver
from backup.site import Site
from support.postgres_images import build_postgres
from support.services import wait_until
from support.wb_host import Host


@pytest.fixture
def site(host: Host) -> Iterator[Site]:
    """A machine for one test."""
    made = Site.at(host)
    yield made
    wait_until(lambda: not made.tasks(), "the containers of tasks are gone")


@pytest.fixture(scope="module")
def shared_site(shared_host: Host) -> Iterator[Site]:
    """A machine that a module's tests share."""
    made = Site.at(shared_host)
    yield made
    wait_until(lambda: not made.tasks(), "the containers of tasks are gone")


@pytest.fixture
def wordy(site: Site) -> str:
    """An instance whose WAL is received, with a backup and an empty table."""
    id_ = site.start(pointInTime=True)
    site.sql(id_, "create table words (word text)")
    wait_until(lambda: receiver(site, id_), "WAL comes")
    site.back_up(id_)
    return id_


@pytest.fixture(scope="session")
def old_postgres(docker_client: docker.DockerClient, run_id: str) -> Iterator[str]:
    """The image of an earlier major version of PostgreSQL."""
    tag = build_postgres(docker_client, run_id, 15)
    yield tag
    docker_client.images.remove(tag, force=True)


@pytest.fixture(scope="session")
def next_postgres(docker_client: docker.DockerClient, run_id: str) -> Iterator[str]:
    """The image of a later major version of PostgreSQL."""
    tag = build_postgres(docker_client, run_id, 18)
    yield tag
    docker_client.images.remove(tag, force=True)
