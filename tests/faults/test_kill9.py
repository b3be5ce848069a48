"""kill -9 of wb at any step: the next command brings the instance to its right state."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.wb_host import COMMAND_S, Host

pytestmark = [pytest.mark.engine, pytest.mark.faults]

LAUNCHER = Path(__file__).with_name("killed_wb.py")
ROLES = {"postgres", "valkey", "platform"}
SEED = int(os.environ.get("WB_TEST_SEED", "0")) or time.time_ns() % 10**9
RANDOM_KILLS = 20


@dataclass
class Deployment:
    """An instance with data, and the commands that are killed."""

    host: Host
    id: str
    changes: Iterator[int]

    def is_killed(self, verb: str, moment: str, step: int) -> bool:
        """Whether a command was killed. Otherwise it ended before."""
        command = [sys.executable, str(LAUNCHER), moment, str(step), verb, self.id]
        done = subprocess.run(
            command, env=self.host.environ, capture_output=True, timeout=COMMAND_S, check=False
        )
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr.decode()
        return done.returncode != 0

    def kill_after(self, verb: str, seconds: float) -> None:
        """Kill a command after that time, if it still runs."""
        command = [sys.executable, "-m", "wb_cli", verb, self.id]
        with subprocess.Popen(
            command, env=self.host.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()

    def run(self) -> None:
        """Check that `wb run` makes everything as declared."""
        self.host.wb("run", self.id)
        containers = {
            container.labels["wb.role"]: container for container in self.host.containers(self.id)
        }
        assert set(containers) == ROLES
        assert len(self.host.containers(self.id)) == len(ROLES)
        (network,) = self.host.client.networks.list(names=[f"^{self.id}$"])
        for role, container in containers.items():
            assert container.name == (self.id if role == "platform" else f"{self.id}-{role}")
            assert container.status == "running"
            assert container.attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"
            networks = container.attrs["NetworkSettings"]["Networks"].values()
            assert [endpoint["NetworkID"] for endpoint in networks] == [network.id]
        assert self.label_of_platform() == self.host.entries[self.id]["label"]
        assert self.host.json("run", self.id, "--dry-run")["instances"][0]["plan"]["steps"] == []
        assert self.host.sql(self.id, "SELECT count(*) FROM kept") == "1000"

    def stop(self) -> None:
        """Check that `wb stop` leaves nothing."""
        self.host.wb("stop", self.id)
        assert self.host.state(self.id) == {}
        assert self.host.client.networks.list(names=[f"^{self.id}$"]) == []

    def label_of_platform(self) -> str:
        environment = self.host.inspect(self.id)["Config"]["Env"]
        return dict(variable.split("=", 1) for variable in environment)["INSTANCE_NAME"]


@pytest.fixture(scope="module")
def deployment(shared_host: Host) -> Deployment:
    deployed = Deployment(shared_host, shared_host.prepare(), itertools.count(1))
    shared_host.wb("run", deployed.id)
    shared_host.sql(deployed.id, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    return deployed


Do = Callable[[Deployment], Any]


def as_declared(deployment: Deployment) -> None:
    """Make the instance run as declared."""
    deployment.host.wb("run", deployment.id)


def changed(deployment: Deployment) -> None:
    """Make the instance run, and change its declaration so that only the platform is replaced."""
    as_declared(deployment)
    deployment.host.change(deployment.id, label=f"Label {next(deployment.changes)}")


# The preparation, the command, and the least number of its changing requests.
KINDS: dict[str, tuple[Do, str, int]] = {
    "fresh run": (Deployment.stop, "run", 10),
    "run that replaces one": (changed, "run", 7),
    "restart": (as_declared, "restart", 20),
    "stop": (as_declared, "stop", 7),
}
RECOVERIES: dict[str, Do] = {"run": Deployment.run, "stop": Deployment.stop}


def kill(deployment: Deployment, kind: str, moment: str, step: int) -> bool:
    """Prepare the instance, and kill the command at that step."""
    prepare, verb, _ = KINDS[kind]
    prepare(deployment)
    return deployment.is_killed(verb, moment, step)


@pytest.mark.parametrize("recovery", RECOVERIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_command_killed_before_a_request_is_repaired_by_the_next(
    deployment: Deployment, kind: str, recovery: str
) -> None:
    for step in itertools.count(1):
        if not kill(deployment, kind, "before", step):
            break
        RECOVERIES[recovery](deployment)
    assert step > KINDS[kind][2]


@pytest.mark.parametrize("moment", ["during", "after"])
@pytest.mark.parametrize("seed", [SEED])
def test_a_command_killed_during_a_request_is_repaired_by_the_next(
    deployment: Deployment, moment: str, seed: int
) -> None:
    chance = random.Random(seed)
    for kind, (_, _, requests) in KINDS.items():
        for step in chance.sample(range(1, requests + 1), 3):
            assert kill(deployment, kind, moment, step)
            chance.choice(list(RECOVERIES.values()))(deployment)


@pytest.mark.parametrize("seed", [SEED])
def test_a_command_killed_at_any_time_is_repaired_by_the_next(
    deployment: Deployment, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(RANDOM_KILLS):
        prepare, verb, _ = KINDS[chance.choice(list(KINDS))]
        prepare(deployment)
        deployment.kill_after(verb, chance.uniform(0.2, 2.5))
        chance.choice(list(RECOVERIES.values()))(deployment)


# The moments that are hardest to repair. The longer suite tries every moment.
@pytest.mark.parametrize(
    ("kind", "moment", "step"),
    [
        ("fresh run", "after", 1),  # there is only a network
        ("fresh run", "before", 5),  # created, and never started
        ("fresh run", "before", 10),  # ready, not yet supervised
        (
            "run that replaces one",
            "after",
            3,
        ),  # the old one is set aside, and there is no successor yet
        ("run that replaces one", "before", 7),  # the old one and its successor are there
        ("restart", "before", 6),  # half of the containers are set aside
        ("restart", "during", 12),
        ("stop", "before", 3),
    ],
)
def test_a_killed_command_is_repaired_by_the_next(
    deployment: Deployment, kind: str, moment: str, step: int
) -> None:
    assert kill(deployment, kind, moment, step)
    deployment.run()


def test_two_killed_commands_in_a_row_are_repaired_by_the_next(deployment: Deployment) -> None:
    assert kill(deployment, "run that replaces one", "after", 3)
    deployment.host.change(deployment.id, label="Another one")
    assert deployment.is_killed("run", "before", 3)
    deployment.run()
