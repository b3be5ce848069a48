"""The machines of these tests are those of integration, with a platform that starts at once."""

import io
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from conftest import RUN_LABEL
from integration.conftest import host, shared_host
from services import VALKEY_IMAGE
from wb_host import Host

__all__ = ["host", "new_host", "shared_host", "stand_in"]
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
def new_host(docker_client: docker.DockerClient, run_id: str, stand_in: str) -> NewHost:
    """Makes an operator's machine in a folder."""

    def make(root: Path) -> Host:
        host = Host(root, docker_client, f"{RUN_LABEL}={run_id}", stand_in)
        host.mount_path.mkdir()
        return host

    return make
