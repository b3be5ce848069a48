"""The machines of these tests are those of integration, with a platform that starts at once."""

import io
import os
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import docker
import pytest
from conftest import RUN_LABEL
from faults.engine_events import EngineEvents
from faults.faulty_engine import FaultyEngine
from faults.one_writer import OneWriter
from faults.tally import Tally, Tries
from integration.conftest import host, shared_host
from support.services import VALKEY_IMAGE
from support.wb_host import Host

__all__ = ["host", "new_host", "shared_host", "stand_in"]  # fixtures
# A platform that starts at once. MODE, a variable of the instance, says how it behaves.
STAND_IN = r"""
use IO::Socket::INET;
$| = 1;
my $mode = $ENV{MODE} || "healthy";
print "stand-in: $mode\n";
if ($mode eq "exits") { print "no such dialect\n"; exit 7 }
$SIG{TERM} = $mode eq "deaf" ? "IGNORE" : sub { exit 0 };
# Told to stop, it goes on for a while: "slow" answers until its end, "mute" does not.
my ($server, $is_ending);
my $end = sub {
    return if $is_ending++;
    close $server if $mode eq "mute";
    $SIG{ALRM} = sub { exit 0 };
    alarm($ENV{STOPS_WITHIN_S} || 4);
};
$SIG{TERM} = $end if $mode eq "slow" || $mode eq "mute";
if ($mode eq "silent") { sleep 1 while 1 }
if ($mode eq "gate") { select undef, undef, undef, 0.02 until -e "/app/sandbox/go" }
$server = IO::Socket::INET->new(LocalPort => 8000, Listen => 16, ReuseAddr => 1) or die $@;
while (1) {
    my $client = $server->accept or do { sleep 1 if $is_ending && $mode eq "mute"; next };
    while (<$client>) { last if /^\r?\n$/ }
    print $client "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
    close $client;
}
"""
NewHost = Callable[[Path], Host]
TALLY = Tally()
COUNTED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def stand_in(docker_client: docker.DockerClient, run_id: str) -> Iterator[str]:
    """The image of the platform's stand-in. Its tag with ``-again`` behind it is the same."""
    tag = f"wb-test-stand-in:{uuid.uuid4().hex[:8]}"
    program = STAND_IN.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    recipe = (
        f"FROM {VALKEY_IMAGE}\nLABEL {RUN_LABEL}={run_id}\n"
        f'ENTRYPOINT ["perl", "-e", "{program}"]\nCMD []\n'
    )
    image, _ = docker_client.images.build(fileobj=io.BytesIO(recipe.encode()), tag=tag, rm=True)
    again = f"{tag}-again"
    image.tag(*again.split(":"))
    yield tag
    for each in (tag, again):
        docker_client.images.remove(each, force=True)


@pytest.fixture(scope="session")
def slow_stand_in(docker_client: docker.DockerClient, stand_in: str, run_id: str) -> Iterator[str]:
    """The same, slow to stop where no variable says how it behaves, as for an admin server."""
    tag = f"{stand_in}-slow"
    recipe = f"FROM {stand_in}\nLABEL {RUN_LABEL}={run_id}\nENV MODE=slow\n"
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


@pytest.fixture(scope="session")
def events(docker_client: docker.DockerClient) -> Iterator[EngineEvents]:
    """What the engine does, as it says itself."""
    following = EngineEvents(docker_client)
    yield following
    following.close()


@pytest.fixture(scope="session")
def one_writer(
    docker_client: docker.DockerClient,
    events: EngineEvents,
    tmp_path_factory: pytest.TempPathFactory,
) -> OneWriter:
    """Watches the data folders of all tests of this run."""
    watching = OneWriter(docker_client, tmp_path_factory.getbasetemp())
    events.told.append(watching)
    return watching


@pytest.fixture(autouse=True)
def never_two_writers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which two containers ran on one data folder, however it came out else."""
    fixtures = {"host", "shared_host"} & set(request.fixturenames)
    if not fixtures or "on_own_engine" in request.fixturenames:
        yield
        return
    watching = request.getfixturevalue("one_writer")
    events = request.getfixturevalue("events")
    before = len(watching.violations)
    yield
    events.settle()
    violations = watching.violations[before:]
    TALLY.note("a data folder with two writers, watched for in each test", held=not violations)
    assert violations == []


@pytest.fixture
def tries(request: pytest.FixtureRequest) -> Tries:
    """For a test that tries a fault many times: each try is counted for the table at the end."""
    request.node.stash[COUNTED] = True
    return Tries(TALLY)


@pytest.fixture
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyEngine]:
    """In front of the engine of these tests."""
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    with FaultyEngine(tmp_path_factory.mktemp("faulty") / "docker.sock", engine) as made:
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a test as one try of what its module's first words name."""
    report = yield
    is_over = report.when == "call" and not report.skipped
    if is_over and not item.stash.get(COUNTED, False):
        words = (item.module.__doc__ or item.module.__name__).partition(":")[0].splitlines()[0]
        TALLY.note(words.rstrip("."), held=report.passed)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table: what was tried, what held; as Markdown where WB_FAULTS_TABLE names a file."""
    if not TALLY.rows:
        return
    terminalreporter.section("faults")
    for line in TALLY.as_text():
        terminalreporter.write_line(line)
    if table := os.environ.get("WB_FAULTS_TABLE"):
        Path(table).write_text(TALLY.as_markdown())
