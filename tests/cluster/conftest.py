"""Three machines elsewhere, and an operator who reaches them by ssh."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import docker
import pytest
from cluster.far_host import NEEDED, FarHost, Wires, find_sshd
from cluster.operator import Operator
from support.platform_stand_in import Platforms
from support.services import POSTGRES_IMAGE, VALKEY_IMAGE

HOSTS = int(os.environ.get("WB_TEST_FAR_HOSTS", "3"))
NewOperator = Callable[[str], Operator]


@pytest.fixture(scope="session")
def far_hosts(
    docker_client: docker.DockerClient,
    platforms: Platforms,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[FarHost, ...]]:
    """The machines, with the images that instances run on."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    assert not missing, f"these are missing: {missing}"
    assert find_sshd(), "sshd is missing"
    with ExitStack() as stack:
        wires = Wires()
        stack.callback(wires.remove)
        hosts = []
        for number in range(1, HOSTS + 1):
            host = FarHost(tmp_path_factory.mktemp("far") / "host", wires, number)
            host.start()
            stack.callback(host.remove)
            host.load(docker_client, [POSTGRES_IMAGE, VALKEY_IMAGE, platforms("healthy")])
            host.start_ssh()
            hosts.append(host)
        yield tuple(hosts)


@pytest.fixture
def far(far_hosts: tuple[FarHost, ...]) -> FarHost:
    """The machine of a test that needs one."""
    return far_hosts[0]


@pytest.fixture
def new_operator(
    far_hosts: tuple[FarHost, ...], platforms: Platforms, tmp_path: Path
) -> Iterator[NewOperator]:
    """Makes an operator whom all machines let in. What is left of instances is removed."""

    def make(name: str) -> Operator:
        operator = Operator(tmp_path / name, far_hosts, platforms("healthy"))
        for host in far_hosts:
            host.let_in(operator.public_key)
        return operator

    yield make
    for host in far_hosts:
        host.forget()


@pytest.fixture
def operator(new_operator: NewOperator) -> Operator:
    """The operator of a test that needs one."""
    return new_operator("operator")
