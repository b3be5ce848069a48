"""Two writers on one data folder are watched for, and every try of a fault is counted."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import docker
import pytest
from faults.changes import Changing, start_changing
from faults.engine.events import EngineEvents
from faults.engine.faulty_engine import FaultyEngine
from faults.one_writer import OneWriter
from faults.tally import TWO_WRITERS, Tally, Tries, name_fault
from support.platform_stand_in import Platforms
from support.wb_host import Host

TALLY = Tally()
COUNTED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def events(docker_client: docker.DockerClient) -> Iterator[EngineEvents]:
    """The events of the engine."""
    following = EngineEvents(docker_client)
    yield following
    following.close()


@pytest.fixture(scope="session")
def one_writer(
    docker_client: docker.DockerClient,
    events: EngineEvents,
    tmp_path_factory: pytest.TempPathFactory,
) -> OneWriter:
    """Watch the data folders of all tests of this run."""
    watching = OneWriter(docker_client, tmp_path_factory.getbasetemp())
    events.told.append(watching)
    return watching


@pytest.fixture(autouse=True)
def forbid_two_writers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test if two containers ran on one data folder, even if the test passed."""
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
    TALLY.note(TWO_WRITERS, held=not violations)
    assert violations == []


@pytest.fixture
def tries(request: pytest.FixtureRequest) -> Tries:
    """Count each try of a fault in a test, for the table at the end."""
    request.node.stash[COUNTED] = True
    return Tries(TALLY)


@pytest.fixture
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyEngine]:
    """A faulty engine in front of the engine of these tests."""
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    with FaultyEngine(tmp_path_factory.mktemp("faulty") / "docker.sock", engine) as made:
        yield made


@pytest.fixture(scope="module")
def changing() -> list[Changing]:
    """The instance that a module's tests change, once it is started."""
    return []


@pytest.fixture
def deployment(shared_host: Host, platforms: Platforms, changing: list[Changing]) -> Changing:
    """The same instance, for which there is another version; a new one if a test has lost it."""
    platforms("newer")
    if not changing or changing[0].id not in shared_host.entries:
        changing[:] = [start_changing(shared_host)]
    return changing[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a test as one try of the fault that the first words of its module name."""
    report = yield
    assert isinstance(item, pytest.Function)
    is_over = report.when == "call" and not report.skipped
    if is_over and not item.stash.get(COUNTED, False):
        TALLY.note(name_fault(item.module.__doc__), held=report.passed)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the table of tries. Write it as Markdown if WB_FAULTS_TABLE names a file."""
    if not TALLY.rows:
        return
    terminalreporter.section("faults")
    for line in TALLY.as_text():
        terminalreporter.write_line(line)
    if table := os.environ.get("WB_FAULTS_TABLE"):
        Path(table).write_text(TALLY.as_markdown())
