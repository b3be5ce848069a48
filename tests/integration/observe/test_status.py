"""`wb status` with forty declared instances: on terminals, in pipes, watched, and what it asks."""

import gc
import os
import re
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pexpect
import pytest
import requests
from faults.engine.forwarder import Forwarder
from support.json_answers import check
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.cli.app import run
from wb_cli.errors import ExitCode
from wb_cli.observe.status.usage import DATABASE_SIZE

pytestmark = pytest.mark.engine

IDS = [f"s{number:02}" for number in range(40)]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
AGE = re.compile(r"\b\d+[smhd]\b(  +)?")
ALTERNATE_SCREEN, MAIN_SCREEN, CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


@pytest.fixture(scope="module")
def fleet(shared_host: Host) -> Host:
    """Forty declared instances: the first runs, the second runs without its Valkey.

    The ids are this run's own, of one length.
    """
    start = shared_host.declare()
    shared_host.forget(start)
    for id_ in IDS:
        shared_host.declare(id=name(start, id_), serverVersion="1.6.7")
    shared_host.entries = dict(sorted(shared_host.entries.items()))
    first, second = list(shared_host.entries)[:2]
    shared_host.wb("init-dirs", first, second)
    shared_host.wb("run", first, second)
    shared_host.container(f"{second}-valkey").kill()
    return shared_host


def name(start: str, id_: str) -> str:
    return f"{start[:5]}{id_}"


def captured(host: Host, *words: str, lines: int, columns: int) -> list[str]:
    """What a command shows on a terminal of that size, without colours, ages as `AGE`."""
    child = spawn(host, *words, lines=lines, columns=columns)
    shown = ESCAPE.sub("", child.read())
    child.close()
    assert child.exitstatus == ExitCode.OK, shown
    return [hide_ages(line.rstrip()) for line in shown.splitlines()]


def hide_ages(line: str) -> str:
    """Write `AGE` for each age. Columns keep their places."""
    return AGE.sub(lambda found: "AGE".ljust(len(found[0])) if found[1] else "AGE", line)


def spawn(host: Host, *words: str, lines: int, columns: int, **environ: str) -> Any:
    child: Any = pexpect.spawn(
        sys.executable,
        ["-m", "wb_cli", *words],
        env=host.environ | {"TERM": "xterm-256color"} | environ,
        cwd=host.root,
        dimensions=(lines, columns),
        encoding="utf-8",
        timeout=COMMAND_S,
    )
    child.ptyproc.delayafterclose = 0.01
    return child


def url(host: Host, id_: str) -> str:
    return f"http://127.0.0.1:{host.port(id_)}"


def test_a_terminal_of_80_columns_shows_each_instance_in_one_whole_line(fleet: Host) -> None:
    first, second, *others = fleet.entries
    shown = captured(fleet, "status", lines=24, columns=80)
    assert re.search(r"valkey ended AGE ag?o?…$", shown[2])
    shown[2] = re.sub(r" ag?o?…", "…", shown[2])
    assert shown == [
        "ID        STATE     VERSION  UPTIME  URL                     REASON",
        f"{first}  running   1.6.7    AGE     {url(fleet, first)}",
        f"{second}  degraded  1.6.7    AGE     {url(fleet, second)}  valkey ended AGE…",
        *(f"{id_}  stopped   1.6.7    -       -" for id_ in others),
        f"40 instances: 1 running, 38 stopped, 1 degraded: {second}",
    ]


def test_a_terminal_of_160_columns_shows_the_whole_reason(fleet: Host) -> None:
    first, second, *others = fleet.entries
    shown = captured(fleet, "status", lines=50, columns=160)
    reason = f"valkey ended AGE ago: exit code 137; `wb logs {second} --part valkey` says why"
    assert shown == [
        "ID        STATE     VERSION  UPTIME  URL                     REASON",
        f"{first}  running   1.6.7    AGE     {url(fleet, first)}",
        f"{second}  degraded  1.6.7    AGE     {url(fleet, second)}  {reason}",
        *(f"{id_}  stopped   1.6.7    -       -" for id_ in others),
        f"40 instances: 1 running, 38 stopped, 1 degraded: {second}",
    ]


def test_in_a_pipe_nothing_is_cut_and_ids_stand_alone(fleet: Host) -> None:
    _, second, *_ = fleet.entries
    lines = fleet.wb("status").stdout.splitlines()
    assert len(lines) == 41
    assert lines[2].endswith(f"`wb logs {second} --part valkey` says why")
    assert fleet.wb("status", "-q").stdout.split() == list(fleet.entries)


def test_one_id_shows_its_containers_and_the_reason_in_full_on_a_narrow_terminal(
    fleet: Host,
) -> None:
    _, second, *_ = fleet.entries
    shown = captured(fleet, "status", second, lines=24, columns=60)
    containers = [line.split()[:3] for line in shown[3:7]]
    assert containers == [
        ["CONTAINER", "STATE", "SINCE"],
        ["postgres", "healthy", "AGE"],
        ["valkey", "exited", "AGE"],
        ["platform", "healthy", "AGE"],
    ]
    assert max(map(len, shown[:7])) <= 60
    assert f"reason: valkey ended AGE ago: exit code 137; `wb logs {second}" in " ".join(
        " ".join(shown).split()
    )


@pytest.mark.parametrize(
    ("chosen", "code"), [(0, ExitCode.OK), (1, ExitCode.DEGRADED), (2, ExitCode.OK)]
)
def test_the_exit_code_for_monitoring_is_that_of_the_state(
    fleet: Host, chosen: int, code: ExitCode
) -> None:
    fleet.wb("status", list(fleet.entries)[chosen], "--exit-code", exits=code)


def test_without_an_engine_monitoring_hears_that_nothing_is_known(fleet: Host) -> None:
    lost = {"DOCKER_HOST": "unix:///nowhere.sock", "exits": ExitCode.ENGINE_UNREACHABLE}
    done = fleet.wb("status", "--exit-code", **lost)  # type: ignore[arg-type]
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert {(state, uptime) for _, state, _, uptime, *_ in rows} == {("unknown", "?")}
    assert fleet.wb("status", "-q", **lost).stdout.split() == list(  # type: ignore[arg-type]
        fleet.entries
    )


def test_the_engine_is_asked_four_times_for_a_fleet_and_once_more_for_a_dead_container(
    fleet: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, value in fleet.environ.items():
        monkeypatch.setenv(variable, value)
    fleet.wb("status")  # what ended badly is in the black box now
    asked: list[str] = []
    send = requests.Session.send
    dead = fleet.container(f"{list(fleet.entries)[1]}-valkey").id

    def count(session: Any, request: Any, **options: Any) -> Any:
        path = re.sub(r"\?.*|v1\.\d+/", "", request.path_url)
        # Other tests may have dead containers on this engine now.
        if dead in path or not path.startswith("/containers/") or path == "/containers/json":
            asked.append(path.replace(dead, "dead"))
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", count)
    assert run(["status"]) == ExitCode.OK
    with warnings.catch_warnings():  # wb leaves its connections to the end of the process
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    assert capsys.readouterr().out.count("\n") == 41
    listing = ["/_ping", "/events", "/containers/json", "/networks"]
    # To see whether its end belongs into the black box, and for its row.
    assert asked == [*listing, "/containers/dead/json"]


def test_wide_adds_what_the_containers_use(fleet: Host) -> None:
    first, second, *_ = fleet.entries
    asked = fleet.wb("psql", first, "postgres", "--", "-Atc", DATABASE_SIZE[-1]).stdout
    answer = check("status", fleet.wb("status", "--wide", "--json").stdout)
    parts = {
        (instance["id"], part["role"]): part
        for instance in answer["instances"]
        for part in instance["containers"]
    }
    assert parts[first, "postgres"]["usage"]["memoryBytes"] > 1024**2
    assert parts[first, "postgres"]["databaseBytes"] == int(asked)
    assert parts[first, "valkey"]["valkey"]["keys"] == 0
    assert parts[first, "platform"]["usage"]["cpuPercent"] is not None
    assert "usage" not in parts[second, "valkey"]
    table = fleet.wb("status", first, "--wide").stdout
    assert re.search(r" [\d.]+% +[\d.]+ MiB +[\d.]+ \w+ / [\d.]+ \w+ ", table)


@pytest.fixture
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forwarder]:
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    forwarder = Forwarder(tmp_path_factory.mktemp("way") / "docker.sock", engine)
    forwarder.open()
    yield forwarder
    forwarder.close()


@contextmanager
def paused(host: Host, container: str) -> Iterator[None]:
    host.container(container).pause()
    try:
        yield
    finally:
        host.container(container).unpause()


def test_a_watch_on_a_terminal_follows_outlives_the_engine_and_leaves_no_trace(
    fleet: Host, way: Forwarder
) -> None:
    first, *_ = fleet.entries
    words = ("status", "--watch", *list(fleet.entries)[:3])
    child = spawn(fleet, *words, lines=24, columns=80, DOCKER_HOST=way.url)
    child.expect_exact(ALTERNATE_SCREEN)
    child.expect("3 instances: 1 running, 1 stopped, 1 degraded")
    with paused(fleet, first):
        child.expect("1 broken: " + first)
        child.expect("platform is p")
    child.expect("3 instances: 1 running, 1 stopped, 1 degraded")
    way.cut()
    child.expect("3 unknown")
    child.expect("engine lost, trying again: the Docker Engine")
    way.open()
    child.expect("3 instances: 1 running, 1 stopped, 1 degraded")
    child.setwinsize(24, 160)
    child.expect(f"`wb logs {list(fleet.entries)[1]} --part valkey` says why")
    child.send("\x03")
    rest = child.read()
    child.close()
    assert MAIN_SCREEN in rest
    assert CURSOR in rest
    assert "Traceback" not in rest
    assert (child.exitstatus, child.signalstatus) == (ExitCode.OK, None)


def test_a_watch_of_more_instances_than_lines_shows_the_worst_and_the_sum(fleet: Host) -> None:
    _, second, *_ = fleet.entries
    child = spawn(fleet, "status", "--watch", lines=12, columns=80)
    child.expect("40 instances: 1 running, 38 stopped, 1 degraded")
    child.expect(f"{second}.*degraded")
    child.expect("… and 31 more, none of them worse")
    child.kill(signal.SIGTERM)
    child.read()
    child.close()
    assert child.exitstatus == ExitCode.TERMINATED


def test_a_watch_in_a_pipe_writes_a_line_for_each_change(fleet: Host) -> None:
    first, *_ = fleet.entries
    with fleet.started("status", "--watch", first) as process:
        assert process.stdout
        stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
        assert re.fullmatch(rf"{stamp} {first}: running\n", process.stdout.readline())
        with paused(fleet, f"{first}-postgres"):
            line = process.stdout.readline()
            assert re.match(rf"{stamp} {first}: running -> broken: postgres is paused; ", line)
        process.send_signal(signal.SIGINT)
        assert process.wait(COMMAND_S) == ExitCode.OK


def test_a_watch_ends_when_its_reader_has_gone(fleet: Host) -> None:
    first, *_ = fleet.entries
    with fleet.started("status", "--watch", first) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        wait_until(lambda: process.poll() is not None, "the end of the watch")
        process.stdout = None
        assert process.returncode == ExitCode.OK


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--watch", "--json"), "wb status --json"),
        (("--watch", "--wide"), "wb status --wide"),
        (("-q", "--json"), "--json has the ids, too"),
    ],
)
def test_options_that_exclude_each_other_are_named(
    fleet: Host, words: tuple[str, ...], hint: str
) -> None:
    done = fleet.wb("status", *words, exits=ExitCode.USAGE)
    assert "exclude each other" in done.stdout + done.stderr
    assert hint in done.stdout + done.stderr
