"""`kill -9` of wb at any step: the next command brings the instance to its right state."""

import itertools
import json
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

from wb_cli.engine.task import LABEL_TASK

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

    def kill_at(self, verb: str, moment: str, step: int) -> bool:
        """Kill a command at a step. Tell whether it was killed; otherwise it ended before."""
        command = [sys.executable, str(LAUNCHER), moment, str(step), *self.write_words(verb)]
        done = subprocess.run(
            command, env=self.host.environ, capture_output=True, timeout=COMMAND_S, check=False
        )
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr.decode()
        return done.returncode != 0

    def kill_after(self, verb: str, seconds: float) -> None:
        """Kill a command after that time, if it still runs."""
        command = [sys.executable, "-m", "wb_cli", *self.write_words(verb)]
        with subprocess.Popen(
            command, env=self.host.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()

    def write_words(self, verb: str) -> list[str]:
        """The words of a command: the verb, the id, and the options that stand behind the verb."""
        verb, *options = verb.split()
        return [verb, self.id, *options]

    def check_run(self) -> None:
        """Check that `wb run` makes everything as declared."""
        self.host.wb("run", self.id)
        containers = {
            container.labels["wb.role"]: container for container in self.host.containers(self.id)
        }
        assert set(containers) == ROLES
        assert len(self.host.containers(self.id)) == len(ROLES)
        (network,) = self.host.client.networks.list(names=[f"^{self.id}$"])
        for part, container in containers.items():
            assert container.name == (self.id if part == "platform" else f"{self.id}-{part}")
            assert container.status == "running"
            assert container.attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"
            networks = container.attrs["NetworkSettings"]["Networks"].values()
            assert [endpoint["NetworkID"] for endpoint in networks] == [network.id]
        variables = self.read_variables()
        assert variables["INSTANCE_NAME"] == self.host.entries[self.id]["label"]
        secrets = json.loads((self.host.root / "secrets" / f"{self.id}.json").read_text())
        assert variables["PG_PASSWORD"] == secrets["postgresPassword"]
        assert set(secrets) == {"adminToken", "postgresPassword"}
        assert self.opens_database(variables["PG_PASSWORD"])
        assert self.host.json("run", self.id, "--dry-run")["instances"][0]["plan"]["steps"] == []
        assert self.host.sql(self.id, "SELECT count(*) FROM kept") == "1000"

    def check_stop(self) -> None:
        """Check that `wb stop` leaves nothing."""
        self.host.wb("stop", self.id)
        assert self.host.state(self.id) == {}
        assert self.host.client.networks.list(names=[f"^{self.id}$"]) == []

    def remove_never_started(self) -> None:
        """Remove the container of a task whose wb was killed before it was started.

        The next task does that, but not every recovery has a task.
        """
        mine: dict[str, Any] = {"label": [LABEL_TASK, self.host.labels], "status": "created"}
        for container in self.host.client.containers.list(all=True, filters=mine):
            container.remove()

    def read_variables(self) -> dict[str, str]:
        """The variables that the platform has."""
        environment = self.host.inspect(self.id)["Config"]["Env"]
        return dict(variable.split("=", 1) for variable in environment)

    def opens_database(self, password: str) -> bool:
        """Whether a password opens the database over the network."""
        words = ["sh", "-c", "psql -h $(hostname -i) -U postgres -wXAtqc '' postgres"]
        postgres = self.host.container(f"{self.id}-postgres")
        code, _ = postgres.exec_run(words, environment={"PGPASSWORD": password})
        return bool(code == 0)


@pytest.fixture(scope="module")
def deployment(shared_host: Host) -> Deployment:
    deployed = Deployment(shared_host, shared_host.prepare(), itertools.count(1))
    shared_host.wb("run", deployed.id)
    shared_host.sql(deployed.id, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    return deployed


Do = Callable[[Deployment], Any]


def run_as_declared(deployment: Deployment) -> None:
    """Make the instance run as declared."""
    deployment.host.wb("run", deployment.id)


def run_and_change(deployment: Deployment) -> None:
    """Make the instance run, and change its declaration so that only the platform is replaced."""
    run_as_declared(deployment)
    deployment.host.change(deployment.id, label=f"Label {next(deployment.changes)}")


def run_the_first_version(deployment: Deployment) -> None:
    """Make the instance run its first version, whatever an upgrade has left."""
    deployment.host.change(deployment.id, image=deployment.host.platform)
    run_as_declared(deployment)


def upgrade(deployment: Deployment) -> None:
    """Make the instance run another version than at first."""
    run_the_first_version(deployment)
    deployment.host.wb(*deployment.write_words(UPGRADE))


# The image of the stand-in has two names.
UPGRADE = "upgrade --to healthy-again --no-backup"
# The preparation, the command, and the least number of its changing requests.
KINDS: dict[str, tuple[Do, str, int]] = {
    "fresh run": (Deployment.check_stop, "run", 10),
    "run that replaces one": (run_and_change, "run", 7),
    "restart": (run_as_declared, "restart", 20),
    "stop": (run_as_declared, "stop", 7),
    "upgrade": (run_the_first_version, UPGRADE, 7),
    "rollback": (upgrade, "rollback --yes", 7),
    "rotate-secret": (run_as_declared, "rotate-secret", 10),
}
RECOVERIES: dict[str, Do] = {"run": Deployment.check_run, "stop": Deployment.check_stop}


def kill(deployment: Deployment, kind: str, moment: str, step: int) -> bool:
    """Prepare the instance, and kill the command at that step."""
    prepare, verb, _ = KINDS[kind]
    prepare(deployment)
    return deployment.kill_at(verb, moment, step)


def list_recoveries() -> Iterator[tuple[str, str]]:
    """List what is tried. What changes versions and secrets is repaired by a run alone."""
    for kind in KINDS:
        yield kind, "run"
        if kind in {"fresh run", "run that replaces one", "restart", "stop"}:
            yield kind, "stop"


@pytest.mark.parametrize(("kind", "recovery"), list(list_recoveries()))
def test_after_a_command_killed_before_any_request_the_next_repairs_the_instance(
    deployment: Deployment, kind: str, recovery: str
) -> None:
    for step in itertools.count(1):
        if not kill(deployment, kind, "before", step):
            break
        RECOVERIES[recovery](deployment)
        deployment.remove_never_started()
    assert step > KINDS[kind][2]


@pytest.mark.parametrize("moment", ["during", "after"])
@pytest.mark.parametrize("seed", [SEED])
def test_after_a_command_killed_during_or_after_a_request_the_next_repairs_the_instance(
    deployment: Deployment, moment: str, seed: int
) -> None:
    chance = random.Random(seed)
    for kind, (_, _, requests) in KINDS.items():
        for step in chance.sample(range(1, requests + 1), 3):
            assert kill(deployment, kind, moment, step)
            chance.choice(list(RECOVERIES.values()))(deployment)
            deployment.remove_never_started()


@pytest.mark.parametrize("seed", [SEED])
def test_after_a_command_killed_at_any_time_the_next_repairs_the_instance(
    deployment: Deployment, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(RANDOM_KILLS):
        prepare, verb, _ = KINDS[chance.choice(list(KINDS))]
        prepare(deployment)
        deployment.kill_after(verb, chance.uniform(0.2, 2.5))
        chance.choice(list(RECOVERIES.values()))(deployment)
        deployment.remove_never_started()


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
def test_after_a_command_killed_at_a_hard_moment_the_next_repairs_the_instance(
    deployment: Deployment, kind: str, moment: str, step: int
) -> None:
    assert kill(deployment, kind, moment, step)
    deployment.check_run()


def test_after_two_killed_commands_in_a_row_the_next_repairs_the_instance(
    deployment: Deployment,
) -> None:
    assert kill(deployment, "run that replaces one", "after", 3)
    deployment.host.change(deployment.id, label="Another one")
    assert deployment.kill_at("run", "before", 3)
    deployment.check_run()
