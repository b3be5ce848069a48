"""Forty declared instances, many of them running, on terminals of two sizes, compared as text."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support.fixtures.hosts import NewHost, hosts_with
from support.platform_stand_in import Platforms
from support.screen import Screen, ShownCommand
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.long]

DECLARED, STARTED = 40, 12
SIZES = [(24, 80), (50, 160)]
LONGEST_ID = "democratic-republic-of-the-congo"
READY = re.compile(r"✔ ([a-z0-9-]+): ready: (http://\S+) \(\d+\.\d s\)")
COUNTER = re.compile(r"(\d+)/(\d+)(?:  (\d+) failed)?  (?:\d+ more at work  )?\d+:\d\d")


@dataclass
class Fleet:
    """The instances: those that run, those that cannot, and those that were never started."""

    host: Host
    good: list[str]
    bad: list[str]
    idle: list[str]

    @property
    def all(self) -> list[str]:
        return sorted([*self.good, *self.bad, *self.idle])

    def address(self, id_: str) -> str:
        return f"http://127.0.0.1:{self.host.port(id_)}"

    def shown(self, *words: str, size: tuple[int, int]) -> tuple[int, list[str]]:
        """Run a command on a terminal of this size; the exit code, and all lines it leaves."""
        lines, columns = size
        command = ShownCommand(self.host.environ, *words, lines=lines, columns=columns)
        return command.end(), command.screen.everything


@pytest.fixture(scope="module")
def new_host(docker_client, run_id: str, platforms: Platforms) -> NewHost:
    return hosts_with(platforms("healthy"), docker_client, run_id)


@pytest.fixture(scope="module")
def fleet(shared_host: Host) -> Fleet:
    host = shared_host
    names = [LONGEST_ID, *(f"country-{number:02}" for number in range(1, DECLARED))]
    made = {
        name: host.declare(id=name, tags=["started" if number < STARTED else "idle"])
        for number, name in enumerate(names)
    }
    ids = list(made)
    host.change(ids[3], image="wb-platform:9.9.9")
    host.change(ids[4], image="wb-platform:9.9.9")
    host.change(ids[5], env={"MODE": "exits"})
    return Fleet(host, [*ids[:3], *ids[6:STARTED]], ids[3:6], ids[STARTED:])


def is_whole(fleet: Fleet, lines: list[str]) -> None:
    """Check that no id and no address is broken: each that begins on a line ends there."""
    known = {*fleet.all, *(fleet.address(id_) for id_ in fleet.all)}
    for line in lines:
        for word in re.findall(r"http://[\w.:]*|\bcountry-\w*|\bdemocratic[\w-]*", line):
            assert word.rstrip(":") in known, line


@pytest.mark.parametrize("size", SIZES)
def test_run_leaves_a_line_for_each_that_changed_each_error_once_and_the_sum(
    fleet: Fleet, size: tuple[int, int]
) -> None:
    fleet.host.wb("stop", "@started")
    lines, columns = size
    command = ShownCommand(fleet.host.environ, "run", "@started", lines=lines, columns=columns)
    code, left = command.end(), command.screen.everything
    assert code == ExitCode.PARTIAL, left
    ready = [READY.fullmatch(line) for line in left if line.startswith("✔")]
    assert sorted((m[1], m[2]) for m in ready if m) == sorted(
        (id_, fleet.address(id_)) for id_ in fleet.good
    ), "\n".join(left)
    failed = sorted(line.split(":")[0] for line in left if line.startswith("✘"))
    assert failed == [f"✘ {id_}" for id_ in fleet.bad], "\n".join(left)
    assert len(ready) == len(fleet.good), "a ready instance has a line that is broken"
    errors = [line for line in left if line.startswith("error: ")]
    assert len(errors) == 2, errors
    assert any(
        line.startswith(f"error: {fleet.bad[0]}, {fleet.bad[1]}: each was") for line in errors
    )
    assert left[-1] == f"{len(fleet.good)} ready, 3 failed: {', '.join(fleet.bad)}"
    assert max(map(len, left)) <= columns
    is_whole(fleet, left)
    assert not [line for line in left if COUNTER.fullmatch(line)], "a counter was left behind"
    counts = [tuple(map(int, (m[1], m[2], m[3] or 0))) for m in COUNTER.finditer(command.raw)]
    assert counts == sorted(counts), "the counter went back"
    assert {total for _, total, _ in counts} == {STARTED}
    assert counts[-1][2] <= 3


@pytest.mark.parametrize("size", SIZES)
def test_an_unchanged_fleet_is_its_sum_alone(fleet: Fleet, size: tuple[int, int]) -> None:
    fleet.host.ran("run", *fleet.good)
    code, left = fleet.shown("run", *fleet.good, size=size)
    assert (code, left) == (ExitCode.OK, [f"{len(fleet.good)} unchanged"])


@pytest.mark.parametrize("size", SIZES)
def test_status_has_a_whole_line_for_each_of_forty(fleet: Fleet, size: tuple[int, int]) -> None:
    fleet.host.ran("run", "@started")
    code, left = fleet.shown("status", size=size)
    assert code == ExitCode.OK
    assert [line.split()[0] for line in left[1:-1]] == fleet.all
    assert max(map(len, left)) <= size[1]
    is_whole(fleet, left)
    rows = {line.split()[0]: line for line in left[1:-1]}
    for id_ in fleet.good:
        assert rows[id_].split()[1] == "running"
        assert fleet.address(id_) in rows[id_]
    for id_ in fleet.idle:
        assert rows[id_].split()[1] == "stopped"
    for id_ in fleet.bad:
        assert "failed" in rows[id_], "a start that failed is told"
    stopped = DECLARED - len(fleet.good)
    assert left[-1] == f"{DECLARED} instances: {len(fleet.good)} running, {stopped} stopped"


@pytest.mark.parametrize("size", SIZES)
def test_stop_leaves_a_line_for_each_that_ran_and_the_sum(
    fleet: Fleet, size: tuple[int, int]
) -> None:
    fleet.host.ran("run", "@started")
    code, left = fleet.shown("stop", "all", size=size)
    assert code == ExitCode.OK, left
    stopped = sorted(line.split(":")[0] for line in left[:-1])
    assert stopped == sorted(f"✔ {id_}" for id_ in fleet.good)
    idle = DECLARED - len(fleet.good)
    assert left[-1] == f"{len(fleet.good)} stopped, {idle} not running"
    is_whole(fleet, left)


def shows(*texts: str) -> Callable[[Screen], bool]:
    return lambda screen: all(any(text in line for line in screen.shown) for text in texts)


@pytest.mark.parametrize("size", SIZES)
def test_a_watch_fills_the_screen_follows_changes_and_leaves_nothing(
    fleet: Fleet, size: tuple[int, int]
) -> None:
    fleet.host.ran("run", "@started")
    lines, columns = size
    running, other = len(fleet.good), fleet.good[-1]
    watch = ShownCommand(fleet.host.environ, "status", "--watch", lines=lines, columns=columns)
    try:
        watch.until(shows(f"{running} running"))
        watch.until(lambda screen: len(screen.shown) == min(lines, DECLARED + 2))
        assert watch.screen.is_second
        if lines < DECLARED:
            hidden = DECLARED - (lines - 3)
            assert watch.screen.shown[-1] == f"… and {hidden} more, none of them worse"
        is_whole(fleet, watch.screen.shown)
        fleet.host.wb("stop", other)
        watch.until(shows(f"{running - 1} running"))
        fleet.host.wb("run", other)
        watch.until(shows(f"{running} running"))
        watch.resize(12, 60)
        watch.until(lambda screen: len(screen.shown) == 12 and "… and" in screen.shown[-1])
        assert max(map(len, watch.screen.shown)) <= 60
        is_whole(fleet, watch.screen.shown)
        watch.type("\x03")
        assert watch.end() == ExitCode.OK
        assert watch.screen.everything == [], "nothing stays on the first screen"
    finally:
        watch.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_restart_is_never_called_broken(fleet: Fleet, size: tuple[int, int]) -> None:
    fleet.host.ran("run", "@started")
    lines, columns = size
    one = fleet.good[1]
    watch = ShownCommand(fleet.host.environ, "status", "--watch", lines=lines, columns=columns)
    try:
        watch.until(shows(f"{len(fleet.good)} running"))
        began = len(watch.raw)
        with fleet.host.started("restart", one) as restart:
            watch.until(shows("starting"))
            watch.until(lambda _: restart.poll() is not None)
        watch.until(shows(f"{len(fleet.good)} running"))
        assert "broken" not in watch.raw[began:]
    finally:
        watch.close()
