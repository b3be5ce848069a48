"""One registry file with instances of several hosts: this machine, and three elsewhere."""

import hashlib
import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest
from cluster.far_host import FarHost
from cluster.operator import MOUNT_PATH, Operator
from cluster.test_cut_off import end
from support.labels import RUN_LABEL
from support.platform_stand_in import Platforms
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
# Less than the ten seconds after which ssh itself gives up, and enough for a busy machine.
WITHIN_S = 9
PORT = 12_900


class Fleet:
    """An instance on this machine, and one on each machine elsewhere; all have the same port."""

    def __init__(self, operator: Operator, far: tuple[FarHost, ...], here: Any, run: str) -> None:
        self.operator, self.far, self._here, self._run = operator, far, here, run
        self.local = operator.declare(port=PORT)
        self.ids = [operator.declare(port=PORT, host=host.host_url) for host in far]

    @property
    def all(self) -> list[str]:
        return [self.local, *self.ids]

    def wb(self, *words: str, exits: int = 0) -> Any:
        return self.operator.wb(*words, exits=exits, WB_LABELS=f"{RUN_LABEL}={self._run}")

    def running(self, *words: str) -> Any:
        return self.operator.running(*words, WB_LABELS=f"{RUN_LABEL}={self._run}")

    def listed_here(self) -> dict[str, str]:
        mine = {"label": f"wb.instance={self.local}"}
        found = self._here.api.containers(all=True, filters=mine)
        return {each["Names"][0].removeprefix("/"): each["State"] for each in found}

    def count_running(self) -> list[int]:
        """How many containers of the fleet run on each host, this machine first."""
        here = [self.listed_here()]
        elsewhere = [host.listed(id_) for host, id_ in zip(self.far, self.ids, strict=True)]
        return [list(each.values()).count("running") for each in here + elsewhere]

    def find_platforms(self) -> dict[str, str]:
        """The image of each platform that runs, by its instance."""
        clients = [self._here, *(host.client for host in self.far)]
        found = [each for client in clients for each in client.api.containers()]
        return {
            name: each["Image"]
            for each in found
            if (name := each["Names"][0].removeprefix("/")) in self.all
        }

    def commands_on(self, *words: str) -> set[str]:
        """The instances of which `wb history` shows commands."""
        told = json.loads(self.wb("history", "--json", *words).stdout)
        return {each["instance"] for each in told["commands"]}

    def states(self, *words: str, exits: int = 0) -> dict[str, tuple[str | None, str]]:
        """The host and the state of each instance, as `wb status` tells them."""
        told = json.loads(self.wb("status", "--json", *words, exits=exits).stdout)
        return {each["id"]: (each["host"], each["state"]) for each in told["instances"]}


@pytest.fixture
def fleet(
    operator: Operator,
    far_hosts: tuple[FarHost, ...],
    docker_client: docker.DockerClient,
    run_id: str,
) -> Iterator[Fleet]:
    fleet = Fleet(operator, far_hosts, docker_client, run_id)
    mount_path = Path(MOUNT_PATH)
    mount_path.mkdir(parents=True, exist_ok=True)
    yield fleet
    for container in docker_client.containers.list(
        all=True, filters={"label": f"wb.instance={fleet.local}"}
    ):
        container.remove(force=True, v=True)
    for network in docker_client.networks.list(filters={"label": f"wb.instance={fleet.local}"}):
        network.remove()
    shutil.rmtree(mount_path / fleet.local, ignore_errors=True)
    with suppress(OSError):  # somebody else's folder is in it
        mount_path.rmdir()


def test_one_command_each_runs_shows_and_stops_the_instances_of_all_hosts(fleet: Fleet) -> None:
    assert "4 ready" in fleet.wb("run", "all").stdout
    assert fleet.count_running() == [3, 3, 3, 3]
    hosts = dict(zip(fleet.ids, (host.host_url for host in fleet.far), strict=True))
    expected: dict[str, str | None] = {fleet.local: None, **hosts}
    assert fleet.states() == {id_: (host, "running") for id_, host in expected.items()}
    table = fleet.wb("status").stdout
    assert all(host.host_url in table for host in fleet.far)
    older = json.loads(fleet.wb("status", "--json").stdout)["older"]
    assert not set(older) & set(fleet.all), "others' may be on this machine's engine"
    assert fleet.wb("status", "-q", "--exit-code").stdout.split() == sorted(fleet.all)
    again = json.loads(fleet.wb("run", "all", "--json").stdout)["instances"]
    assert {each["id"]: (each["host"], each["result"]) for each in again} == {
        id_: (host, "unchanged") for id_, host in expected.items()
    }
    assert "4 ready" in fleet.wb("restart", "all").stdout
    assert "4 stopped" in fleet.wb("stop", "all").stdout
    assert fleet.count_running() == [0, 0, 0, 0]
    assert set(fleet.states().values()) == {(host, "stopped") for host in expected.values()}


def test_of_a_host_that_is_cut_off_the_state_is_unknown_and_of_the_others_it_is_right(
    fleet: Fleet,
) -> None:
    fleet.wb("run", "all")
    lost, cut = fleet.far[1], fleet.ids[1]
    slow = ("--set", f"host_timeout={WITHIN_S}")
    with lost.cut_off():
        done = fleet.wb(*slow, "status", "--json", exits=ExitCode.ENGINE_UNREACHABLE)
        shown = fleet.wb(*slow, "status", exits=ExitCode.ENGINE_UNREACHABLE)
    told = json.loads(done.stdout)
    assert told["older"] is None
    states = {each["id"]: each for each in told["instances"]}
    assert states.pop(cut)["state"] == "unknown"
    assert {each["state"] for each in states.values()} == {"running"}
    late = f"{lost.host_url} did not answer within {WITHIN_S} s"
    assert shown.stderr.count(late) == 1
    assert "host_timeout" in shown.stderr
    fleet.wb("stop", "all")


def test_a_host_that_is_cut_off_fails_for_its_own_instances_alone(fleet: Fleet) -> None:
    """The others are started. When the host is there again, the same command finishes the work."""
    lost, cut = fleet.far[2], fleet.ids[2]
    with fleet.running("run", "all") as process:
        wait_until(lambda: f"{cut}-postgres" in lost.listed(cut), "the first container")
        with lost.cut_off():
            code, said = end(process)
            assert fleet.count_running()[:3] == [3, 3, 3]
    assert code == ExitCode.PARTIAL, said
    assert "3 ready" in said
    assert f"1 failed: {cut}" in said
    assert said.count("connection broke") == 1
    assert "3 unchanged" in fleet.wb("run", "all", "--wait", "90").stdout
    assert fleet.count_running() == [3, 3, 3, 3]
    fleet.wb("stop", "all")


def test_a_host_that_is_away_is_told_once_and_the_others_go_on(fleet: Fleet) -> None:
    more = fleet.operator.declare(host=fleet.far[0].host_url)
    with fleet.far[0].cut_off():
        done = fleet.wb("run", "all", exits=ExitCode.PARTIAL)
        assert fleet.count_running() == [3, 0, 3, 3]
        stopped = fleet.wb("stop", "all", exits=ExitCode.PARTIAL)
    assert "3 ready" in done.stdout
    assert done.stderr.count("cannot be reached") == 1
    assert "3 stopped" in stopped.stdout
    assert more in done.stderr
    assert fleet.count_running() == [0, 0, 0, 0]


def upgrade(fleet: Fleet, verb: str, *words: str, exits: int = 0) -> dict[str, str]:
    """Upgrade all, or roll back all; give what came of each instance."""
    told = json.loads(fleet.wb(verb, "all", *words, "--json", exits=exits).stdout)
    return {each["id"]: each["result"] for each in told["instances"]}


@pytest.fixture
def newer(
    fleet: Fleet, docker_client: docker.DockerClient, platforms: Platforms
) -> tuple[str, ...]:
    """Another version on all hosts."""
    image = platforms("newer")
    for host in fleet.far:
        host.load(docker_client, [image])
    return ("--to", image, "--no-backup", "--parallel", "4")


def test_an_upgrade_goes_over_all_hosts_and_so_does_the_way_back(
    fleet: Fleet, newer: tuple[str, ...]
) -> None:
    fleet.wb("run", "all")
    before = fleet.find_platforms()
    assert upgrade(fleet, "upgrade", *newer) == dict.fromkeys(fleet.all, "upgraded")
    assert set(fleet.find_platforms().values()) == {newer[1]}
    assert upgrade(fleet, "rollback", "--yes") == dict.fromkeys(fleet.all, "rolled back")
    assert fleet.find_platforms() == before
    fleet.wb("stop", "all")


def test_a_host_that_goes_away_fails_alone_and_the_same_upgrade_goes_on(
    fleet: Fleet, newer: tuple[str, ...]
) -> None:
    fleet.wb("run", "all")
    cut = fleet.ids[1]
    one_by_one = ("--parallel", "1", "--max-failures", "1", "--soak", "4", "--json")
    words = ("upgrade", "all", *newer, *one_by_one, "--canary", fleet.local)
    with fleet.running(*words) as process:
        wait_until(lambda: newer[1] in fleet.find_platforms().values(), "the canary has it")
        with fleet.far[1].cut_off():
            code, said = end(process)
    assert code == ExitCode.PARTIAL, said
    has = dict.fromkeys(fleet.all, "is that version") | {cut: "upgraded"}
    assert upgrade(fleet, "upgrade", *newer) == has
    assert set(fleet.find_platforms().values()) == {newer[1]}
    fleet.wb("stop", "all")


def test_a_command_on_one_instance_goes_to_its_host(fleet: Fleet) -> None:
    fleet.wb("init-dirs", "all")
    made = [host.instances / id_ for host, id_ in zip(fleet.far, fleet.ids, strict=True)]
    assert all(folder.is_dir() for folder in made)
    fleet.wb("run", "all")
    for id_ in fleet.all:
        sql = fleet.wb("psql", id_, "postgres", "--", "-Atc", "select 40 + 2")
        assert sql.stdout.strip() == "42"
    far = fleet.ids[0]
    assert "ready to accept connections" in fleet.wb("logs", far, "postgres").stdout
    assert fleet.wb("exec", "--part", "valkey", far, "valkey-cli", "ping").stdout.strip() == "PONG"
    assert far in fleet.wb("why", far).stdout
    assert fleet.commands_on() >= set(fleet.all)
    assert fleet.commands_on(far) == {far}
    fleet.wb("stop", "all")


def test_an_instance_that_runs_on_a_host_is_not_declared_on_another(fleet: Fleet) -> None:
    far, goal = fleet.ids[0], f"host={fleet.far[1].host_url}"
    fleet.wb("config", "set", far, "port=12950")
    fleet.wb("run", far)
    refused = fleet.wb("config", "set", far, goal, exits=ExitCode.USAGE)
    assert f"{far} has containers on {fleet.far[0].host_url}" in refused.stderr
    fleet.wb("stop", far)
    moved = fleet.wb("config", "set", far, goal)
    assert "nothing was moved" in moved.stderr
    empty = fleet.wb("run", far, exits=ExitCode.FAILURE)
    assert "was started before, and its folder" in empty.stderr
    assert fleet.far[1].listed(far) == {}


def test_the_engine_of_a_docker_context_is_a_host(operator: Operator, far: FarHost) -> None:
    config = operator.root / "docker"
    name = hashlib.sha256(b"west").hexdigest()
    meta = config / "contexts" / "meta" / name / "meta.json"
    meta.parent.mkdir(parents=True)
    endpoint = {"Host": far.host_url, "SkipTLSVerify": False}
    meta.write_text(json.dumps({"Name": "west", "Metadata": {}, "Endpoints": {"docker": endpoint}}))
    (config / "config.json").write_text("{}")
    id_ = operator.declare(host="context:west")
    operator.wb("run", id_, DOCKER_CONFIG=str(config))
    assert set(far.listed(id_).values()) == {"running"}
    gone = operator.wb("stop", id_, exits=ExitCode.ENGINE_UNREACHABLE)
    assert "there is no Docker context west" in gone.stderr
    operator.wb("stop", id_, DOCKER_CONFIG=str(config))
    assert far.listed(id_) == {}


def test_a_watch_goes_on_for_the_others_while_a_host_is_cut_off(fleet: Fleet) -> None:
    fleet.wb("run", "all")
    lost, cut = fleet.far[0], fleet.ids[0]
    with fleet.running("status", "--watch") as process:
        assert process.stdout
        waits = set(fleet.all)
        while waits:
            line = process.stdout.readline()
            waits -= {id_ for id_ in waits if f"{id_}: " in line and line.endswith("running\n")}
        with lost.cut_off():
            told = next(line for line in process.stdout if f"{cut}: running -> " in line)
            assert "-> unknown" in told
            fleet.wb("stop", fleet.ids[1])
            next(line for line in process.stdout if f"{fleet.ids[1]}: " in line)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == ExitCode.OK
    fleet.wb("stop", "all", "--wait", "90")
