"""The engine of forty instances is killed and started again under what an operator has open.

Each test has an engine of its own: only its own instances go down with it, and what a killed engine
leaves behind is not where the next test begins.
"""

import re
import signal
from collections.abc import Callable, Iterator

import docker
import pytest
from support.fixtures.hosts import hosts_with
from support.own_engine import OwnEngine, run_own_engine
from support.screen import Screen, ShownCommand
from support.services import POSTGRES_IMAGE, VALKEY_IMAGE
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.usefixtures("on_own_engine")]

DECLARED, STARTED, AT_A_TIME = 40, 6, 2
LINES, COLUMNS, LONG_LINES = 24, 80, 200
LOST = "engine lost, trying again: "


@pytest.fixture
def own_engine(
    docker_client: docker.DockerClient,
    image_of_platforms: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OwnEngine]:
    """The engine, with the images of an instance."""
    images = [POSTGRES_IMAGE, VALKEY_IMAGE, image_of_platforms]
    with run_own_engine(tmp_path_factory.mktemp("engine"), docker_client, images) as own:
        yield own


@pytest.fixture
def host(
    own_engine: OwnEngine,
    image_of_platforms: str,
    run_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Host:
    """An operator's machine with forty instances, of which a tag names those to start."""
    made = hosts_with(image_of_platforms, own_engine.client, run_id)(
        tmp_path_factory.mktemp("host")
    )
    for number in range(DECLARED):
        tags = ["started"] if number < STARTED else []
        made.declare(id=f"country-{number:02}", tags=tags)
    return made


@pytest.fixture
def running(host: Host) -> list[str]:
    """The instances that run."""
    started = list(host.entries)[:STARTED]
    for first in range(0, STARTED, AT_A_TIME):
        host.wb("run", *started[first : first + AT_A_TIME])
    return started


@pytest.fixture
def watch(host: Host, running: list[str]) -> Iterator[ShownCommand]:
    """`wb status --watch` on a terminal, which shows the fleet."""
    shown = ShownCommand(host.environ, "status", "--watch", lines=LINES, columns=COLUMNS)
    try:
        shown.until(shows(f"{len(running)} running", f"{DECLARED - STARTED} stopped"))
        yield shown
    finally:
        shown.close()


@pytest.fixture
def follow(host: Host, running: list[str]) -> Iterator[ShownCommand]:
    """`wb logs --follow` of one of them, with all that it has written."""
    words = ("logs", "--follow", "--tail", "all", running[0], "platform")
    shown = ShownCommand(host.environ, *words, lines=LINES, columns=LONG_LINES)
    try:
        shown.until(shows("stand-in: healthy"))
        yield shown
    finally:
        shown.close()


def shows(*texts: str) -> Callable[[Screen], bool]:
    return lambda screen: all(any(text in line for line in screen.everything) for text in texts)


def is_lost(screen: Screen) -> bool:
    return any(line.startswith(LOST) for line in screen.shown)


def begin_to_write(host: Host, name: str) -> None:
    """Have a container write numbers, one after the other, as long as it runs."""
    script = "i=0; while :; do i=$((i + 1)); echo number $i; sleep 0.01; done > /proc/1/fd/1"
    api = host.client.api
    api.exec_start(api.exec_create(name, ["sh", "-c", script])["Id"], detach=True)


def states_in(screen: Screen) -> set[str]:
    return {line.split()[1] for line in screen.shown if line.startswith("country-")}


def numbers(lines: list[str]) -> list[str]:
    return [line for line in lines if re.fullmatch(r"number \d+", line)]


def test_what_is_open_says_unknown_and_goes_on_with_the_next_engine(
    own_engine: OwnEngine,
    host: Host,
    running: list[str],
    watch: ShownCommand,
    follow: ShownCommand,
) -> None:
    name = running[0]
    begin_to_write(host, name)
    follow.until(shows("number 50"))
    own_engine.end(signal.SIGKILL)
    watch.until(is_lost)
    watch.until(shows(f"{DECLARED} unknown"))
    # A frame may be read by halves. No later one may say more than that nobody knows.
    watch.until(lambda screen: states_in(screen) == {"unknown"})
    follow.until(shows("; waiting"))
    own_engine.start()
    follow.until(shows("the Docker Engine answers again", "was started again"))
    watch.until(shows(f"{len(running)} running"))
    watch.until(lambda screen: f"{len(running)} running" in screen.shown[0])
    assert f"{DECLARED - STARTED} stopped" in watch.screen.shown[0]
    assert not is_lost(watch.screen)
    begin_to_write(host, name)
    follow.until(lambda screen: numbers(screen.everything).count("number 50") == 2)
    follow.type("\x03")
    assert follow.end() == ExitCode.INTERRUPTED
    seen = numbers(follow.screen.everything)
    written = numbers(host.wb("logs", name, "platform", "--tail", "all").stdout.splitlines())
    assert seen == written[: len(seen)], "no line is lost, and none is shown twice"
    host.wb("stop", name)
    watch.until(lambda screen: f"{len(running) - 1} running" in screen.shown[0])
    watch.type("\x03")
    assert watch.end() == ExitCode.OK
    assert watch.screen.everything == [], "nothing stays on the first screen"


def test_ctrl_c_leaves_what_waits_for_an_engine(
    own_engine: OwnEngine, watch: ShownCommand, follow: ShownCommand
) -> None:
    own_engine.end(signal.SIGKILL)
    watch.until(is_lost)
    follow.until(shows("; waiting"))
    watch.type("\x03")
    follow.type("\x03")
    assert watch.end() == ExitCode.OK
    assert follow.end() == ExitCode.INTERRUPTED
    assert "Traceback" not in watch.raw + follow.raw
