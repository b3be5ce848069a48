"""Operators' machines on the real engine, each with its own leak check; a stranger looks on."""

import io
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from services import VALKEY_IMAGE
from wb_host import Host

from wb_cli.engine.types import LABEL_REGISTRY

RUN_LABEL = "wb.test.run"
# A platform that starts at once. MODE, a variable of the instance, says how it behaves.
STAND_IN = r"""
use IO::Socket::INET;
$| = 1;
my $mode = $ENV{MODE} || "healthy";
print "stand-in: $mode\n";
if ($mode eq "exits") { print "no such dialect\n"; exit 7 }
$SIG{TERM} = $mode eq "deaf" ? "IGNORE" : sub { exit 0 };
if ($mode eq "silent") { sleep 1 while 1 }
if ($mode eq "gate") { select undef, undef, undef, 0.02 until -e "/app/sandbox/go" }
my $server = IO::Socket::INET->new(LocalPort => 8000, Listen => 16, ReuseAddr => 1) or die $@;
while (1) {
    my $client = $server->accept or next;
    while (<$client>) { last if /^\r?\n$/ }
    print $client "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
    close $client;
}
"""
NewHost = Callable[[Path], Host]


@pytest.fixture(scope="session")
def stand_in(docker_client: docker.DockerClient, run_id: str) -> Iterator[str]:
    """The image of the platform's stand-in."""
    tag = f"wb-test-stand-in:{uuid.uuid4().hex[:8]}"
    program = STAND_IN.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    recipe = (
        f"FROM {VALKEY_IMAGE}\nLABEL {RUN_LABEL}={run_id}\n"
        f'ENTRYPOINT ["perl", "-e", "{program}"]\nCMD []\n'
    )
    docker_client.images.build(fileobj=io.BytesIO(recipe.encode()), tag=tag, rm=True)
    yield tag
    docker_client.images.remove(tag, force=True)


@pytest.fixture(scope="session")
def stranger(docker_client: docker.DockerClient, run_id: str) -> Iterator[Any]:
    """A container and a network that are none of wb's."""
    labels = {RUN_LABEL: run_id}
    network = docker_client.networks.create(f"stranger-{run_id}", labels=labels)
    container = docker_client.containers.run(
        VALKEY_IMAGE, detach=True, labels=labels, network=network.name, name=f"stranger-{run_id}"
    )
    yield container
    container.remove(force=True, v=True)
    network.remove()


@pytest.fixture
def untouched(stranger: Any) -> Iterator[None]:
    """What is foreign is after the test as it was before."""
    before = seen(stranger)
    yield
    assert seen(stranger) == before


def seen(container: Any) -> dict[str, Any]:
    """What any change to a container would show in."""
    container.reload()
    state, settings = container.attrs["State"], container.attrs["NetworkSettings"]["Networks"]
    policy = container.attrs["HostConfig"]["RestartPolicy"]
    return {
        "id": container.id,
        "name": container.name,
        "process": (state["Pid"], state["StartedAt"], state["Paused"]),
        "policy": policy,
        "networks": {name: each["NetworkID"] for name, each in settings.items()},
    }


@pytest.fixture(scope="session")
def new_host(docker_client: docker.DockerClient, run_id: str, stand_in: str) -> NewHost:
    """Makes an operator's machine in a folder."""

    def make(root: Path) -> Host:
        host = Host(root, docker_client, f"{RUN_LABEL}={run_id}", stand_in)
        host.mount_path.mkdir()
        return host

    return make


@pytest.fixture
def host(new_host: NewHost, tmp_path: Path) -> Iterator[Host]:
    """A machine for one test, on which nothing may be left."""
    made = new_host(tmp_path)
    yield made
    leave_nothing(made)


@pytest.fixture(scope="module")
def shared_host(new_host: NewHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A machine that a module's tests share."""
    made = new_host(tmp_path_factory.mktemp("host"))
    yield made
    leave_nothing(made)


def leave_nothing(host: Host) -> None:
    """`wb stop` has to find everything; what it leaves is removed, and a failure."""
    mine = {"label": f"{LABEL_REGISTRY}={host.servers_file}"}
    try:
        if host.entries:
            host.wb("stop", "all")
        left = [each.name for each in host.client.containers.list(all=True, filters=mine)]
        left += [each.name for each in host.client.networks.list(filters=mine)]
    finally:
        host.close()
    assert left == [], "`wb stop all` left these behind"
