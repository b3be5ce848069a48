"""Each finding is provoked on a real machine, and gone after doing what it says."""

import copy
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import docker
import pytest
from observe.doctor import on_a_machine, on_paper
from support.doctor_case import Case
from support.platform_stand_in import Platforms
from support.wb_host import Host

from wb_cli.observe.doctor import checks
from wb_cli.observe.doctor.check import CHECKS

# `wb doctor` leaves its connections to the end of the process; here the process goes on.
pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_every_check_is_provoked() -> None:
    assert checks.__all__
    assert set(CHECKS) == {*on_paper.PROVOKED, *on_a_machine.PROVOKED}


@pytest.fixture(scope="module")
def own_image(
    docker_client: docker.DockerClient, platforms: Platforms, run_id: str
) -> Iterator[str]:
    """A tag of the platform's image that a test may move. It goes after its containers."""
    tag = f"wb-test-doctor:{run_id}"
    docker_client.images.get(platforms("healthy")).tag(*tag.split(":"))
    yield tag
    docker_client.images.remove(tag, force=True)


@pytest.fixture(scope="module")
def instances(own_image: str, shared_host: Host) -> tuple[str, str]:
    """An instance that runs, and one that has only its folders."""
    running, idle = shared_host.prepare(image=own_image), shared_host.prepare()
    shared_host.wb("run", running)
    return running, idle


@pytest.fixture
def case(
    instances: tuple[str, str],
    shared_host: Host,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Case]:
    """A machine on which all is well, and will be so again."""
    monkeypatch.setenv("WB_CONFIG_DIR", str(shared_host.root / "config"))
    entries = copy.deepcopy(shared_host.entries)
    with ExitStack() as stack:
        yield Case(shared_host, *instances, tmp_path, monkeypatch, stack)
    shared_host.entries = entries
    shared_host._write()


@pytest.mark.engine
@pytest.mark.parametrize("code", on_a_machine.PROVOKED)
def test_it_is_found_and_gone_after_doing_what_it_says(code: str, case: Case) -> None:
    needle = on_a_machine.PROVOKED[code](case)
    found = case.find(code, needle)
    assert len(found) == 1, f"{needle!r} is not told once: {case.examine()}"
    case.mend(found[0])
    assert case.find(code, needle) == []


@pytest.mark.engine
def test_nothing_is_found_of_an_instance_that_is_well(case: Case) -> None:
    case.host.wb("run", case.demo)
    assert case.examine(case.demo, case.idle) == []
