"""One call to the engine goes wrong: the next command makes it good.

Each command is watched once, which counts its calls. Then each call goes wrong: in one way with
one seed, in every way with as many seeds as there are ways.
"""

import itertools
import os
import random
import time
from typing import NamedTuple

import pytest
from faults.commands import COMMANDS
from faults.deployment import Deployment, Kind
from faults.engine.faulty_engine import Call, Fault, FaultyEngine, How
from faults.tally import NotTriedError, Tries
from support.wb_host import Host

pytestmark = [pytest.mark.engine, pytest.mark.faults]

SEED = int(os.environ.get("WB_TEST_SEED", "0")) or time.time_ns() % 10**9
# By default a sample that takes 3 minutes: so many commands, and so many tries, of each kind of
# instance. All calls take about an hour.
ALL = bool(os.environ.get("WB_TEST_ALL"))
SOME_COMMANDS, SOME_TRIES = 4, 16
KINDS_OF_INSTANCES = {
    "supervised": Kind(),
    "restart no": Kind({"restart": "no"}),
    "with admin": Kind({"adminVersion": "2.0"}),
}
HOWS = [how for how in How if how is not How.DELAYED]


class Try(NamedTuple):
    """A command in which one call goes wrong, and the command that repairs the instance."""

    command: str
    fault: Fault
    remedy: str

    def __str__(self) -> str:
        return f"{self.command} with {self.fault}; then {self.remedy}"


def record_calls(deployment: Deployment, faulty: FaultyEngine, command: str) -> list[Call]:
    """Record the calls that a command makes without a fault."""
    prepare, verb = COMMANDS[command]
    prepare(deployment)
    faulty.begin()
    deployment.wb(verb, DOCKER_HOST=faulty.url)
    return faulty.calls


def choose_tries(deployment: Deployment, faulty: FaultyEngine, chance: random.Random) -> list[Try]:
    """Choose every call of every command, each with one way of going wrong, or a sample of them."""
    commands = list(COMMANDS) if ALL else chance.sample(list(COMMANDS), SOME_COMMANDS)
    calls = [
        (command, call)
        for command in commands
        for call in record_calls(deployment, faulty, command)
    ]
    first = SEED % len(HOWS)
    hows = itertools.islice(itertools.cycle(HOWS), first, None)
    possible = [
        Try(command, Fault(call, how), chance.choice(["run", "stop"]))
        for (command, call), how in zip(calls, hows, strict=False)
    ]
    return possible if ALL else chance.sample(possible, SOME_TRIES)


def go_through(deployment: Deployment, faulty: FaultyEngine, this: Try) -> None:
    """Run a command with its fault, and then one `run` or `stop` without a fault."""
    prepare, verb = COMMANDS[this.command]
    prepare(deployment)
    faulty.begin(this.fault)
    deployment.wb(verb, exits=(), DOCKER_HOST=faulty.url)
    if not faulty.has_failed:
        raise NotTriedError
    deployment.wb(this.remedy)
    if this.remedy == "stop":
        deployment.check_gone()
    else:
        deployment.check_runs()
        deployment.write(str(this.fault))


@pytest.mark.parametrize("kind", KINDS_OF_INSTANCES)
@pytest.mark.parametrize("seed", [SEED])
def test_if_any_call_goes_wrong_the_next_command_repairs_the_instance(
    host: Host, faulty: FaultyEngine, tries: Tries, kind: str, seed: int
) -> None:
    chance = random.Random(seed)
    deployment = Deployment(host, KINDS_OF_INSTANCES[kind])
    deployment.start()
    for this in choose_tries(deployment, faulty, chance):
        before = len(tries.lost)
        with tries.one(this.fault.how.value, str(this)):
            go_through(deployment, faulty, this)
        if len(tries.lost) > before:
            deployment = deployment.replace()
    tries.end()


# These faults are the hardest to repair, because wb does not know that the change was made.
@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("run, PostgreSQL changed", Call("rename", 1)),
        ("run, Valkey changed", Call("rename", 1)),
        ("run, PostgreSQL changed", Call("create", 1)),
        ("run, PostgreSQL changed", Call("start", 1)),
        ("restart", Call("stop", 2)),
        ("restart", Call("start", 2)),
    ],
    ids=str,
)
def test_if_the_answer_to_a_change_is_lost_the_next_run_repairs_the_instance(
    host: Host, faulty: FaultyEngine, tries: Tries, command: str, call: Call
) -> None:
    deployment = Deployment(host)
    deployment.start()
    this = Try(command, Fault(call, How.DROPPED_AFTER), "run")
    with tries.one(this.fault.how.value, str(this)):
        go_through(deployment, faulty, this)
    tries.end()
