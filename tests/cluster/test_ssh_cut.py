"""The ssh connection is cut at a call to the engine: the same command heals what it left.

Each command is watched once, which counts its calls. Then the connection is cut at a call: before
the engine gets it, or after the engine has done it and before wb hears of it; and it ends, or falls
silent as where a cable is pulled. By default a sample, as each try takes some seconds.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import pytest
from cluster.far_deployment import FarDeployment, FarSide, make_far_side
from cluster.far_host import FarHost, find_processes
from cluster.operator import Operator
from faults.commands import COMMANDS
from faults.engine.events import EngineEvents
from faults.engine.faulty_engine import Call, Fault, FaultyEngine, How
from faults.one_writer import OneWriter
from faults.tally import NotTriedError, Tally, Tries
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.cluster]

SEED = int(os.environ.get("WB_TEST_SEED", "0")) or time.time_ns() % 10**9
ALL = bool(os.environ.get("WB_TEST_ALL"))
SOME_TRIES = 5
CUT_COMMANDS = ("run, all new", "run, PostgreSQL changed", "run, nothing to do", "stop")
HOWS = (How.DROPPED_BEFORE, How.DROPPED_AFTER)
# The lock of a dead connection ends within its lease.
WAIT = "90"


class End(Enum):
    """How the connection is cut."""

    ENDED = "ends"
    SILENT = "falls silent"


class Cut(NamedTuple):
    """A command, the call at which the connection is cut, and how."""

    command: str
    fault: Fault
    end: End

    def __str__(self) -> str:
        return f"{self.command}: the connection {self.end.value} at {self.fault}"


class Scissors:
    """Cuts the connection to a machine, until it is mended."""

    def __init__(self, far: FarHost) -> None:
        self.far, self.end = far, End.ENDED
        self._mending = ExitStack()

    def cut(self) -> None:
        if self.end is End.SILENT:
            self._mending.enter_context(self.far.cut_off())
        else:
            self.far.cut_connections()

    def mend(self) -> None:
        self._mending.close()


class Bench(NamedTuple):
    """What a try needs."""

    side: FarSide
    scissors: Scissors
    faulty: FaultyEngine
    events: EngineEvents
    one_writer: OneWriter

    @property
    def far(self) -> FarHost:
        return self.scissors.far

    @property
    def through_faulty(self) -> str:
        """The address of the machine's engine with the faulty engine in front."""
        return f"{self.far.host_url}/srv/{self.faulty.path.name}"


@pytest.fixture
def bench(operator: Operator, far: FarHost) -> Iterator[Bench]:
    scissors = Scissors(far)
    socket = far.sees("/srv") / "faulty.sock"
    events = EngineEvents(far.client)
    watching = OneWriter(far.client, far.instances, sees=far.sees)
    events.told.append(watching)
    with FaultyEngine(socket, str(far.folder / "docker.sock"), scissors.cut) as faulty:
        yield Bench(make_far_side(operator, far), scissors, faulty, events, watching)
        scissors.mend()
    events.close()


def record_calls(bench: Bench, deployment: FarDeployment, command: str) -> list[Call]:
    """Record the calls that a command makes while the connection holds."""
    prepare, verb = COMMANDS[command]
    prepare(deployment)
    bench.faulty.begin()
    deployment.wb(verb, DOCKER_HOST=bench.through_faulty)
    return list(bench.faulty.calls)


def choose_cuts(bench: Bench, deployment: FarDeployment, chance: random.Random) -> list[Cut]:
    """Choose every call of every command in both ways, or a sample of them."""
    cuts = [
        Cut(command, Fault(call, how), chance.choice([End.ENDED, End.ENDED, End.SILENT]))
        for command in (CUT_COMMANDS if ALL else chance.sample(CUT_COMMANDS, 2))
        for call in record_calls(bench, deployment, command)
        for how in HOWS
    ]
    return cuts if ALL else chance.sample(cuts, SOME_TRIES)


def go_through(bench: Bench, deployment: FarDeployment, cut: Cut) -> None:
    """Give a command whose connection is cut, look at what is told, and give the command again."""
    prepare, verb = COMMANDS[cut.command]
    prepare(deployment)
    bench.scissors.end = cut.end
    bench.faulty.begin(cut.fault)
    code = deployment.wb(verb, exits=(), DOCKER_HOST=bench.through_faulty)
    bench.faulty.hang_up()
    bench.scissors.mend()
    if not bench.faulty.has_failed:
        raise NotTriedError
    # The work may have been done when the connection was cut.
    assert code in {ExitCode.OK, ExitCode.ENGINE_UNREACHABLE}, f"exit code {code}"
    check_here(bench.side)
    check_told(deployment)
    if code == ExitCode.OK:
        check_done(deployment, verb)
    bench.side.wb(verb, deployment.id, "--wait", WAIT)
    check_done(deployment, verb)
    check_there(bench.far, deployment)
    if verb != "stop":
        deployment.write(str(cut))


def check_done(deployment: FarDeployment, verb: str) -> None:
    if verb == "stop":
        deployment.check_gone()
    else:
        deployment.check_runs()


def check_here(side: FarSide) -> None:
    """Check that nothing of the cut command is left on the operator's machine."""
    wait_until(lambda: not find_processes(side.root), "the end of ssh")
    assert list(side.own_temporary.iterdir()) == []


def check_told(deployment: FarDeployment) -> None:
    """Check that status tells what the engine's own listing says."""
    (told,) = deployment.host.json("status", deployment.id)["instances"]
    there = {
        name: each["State"]["Status"] for name, each in deployment.inspect_containers().items()
    }
    if not there:
        assert told["state"] == "stopped", told
    if told["state"] == "running":
        assert set(there.values()) == {"running"}, (told, there)
        assert len(there) == len(deployment.parts), (told, there)
    if told["state"] == "stopped":
        assert "running" not in there.values(), (told, there)


def check_there(far: FarHost, deployment: FarDeployment) -> None:
    """Check that the machine has no debris of the cut command."""
    wait_until(lambda: not find_outposts(far), "the end of what looked at the machine")
    lock = far.folder / "share" / "wb" / "locks" / f"{deployment.id}.lock"
    assert lock.read_text() == "", "the lock is signed"
    assert not [path for path in Path(far.instances / deployment.id).iterdir() if path.is_file()]


def find_outposts(far: FarHost) -> list[str]:
    found = far.client.api.containers(all=True, filters={"label": "wb.outpost"})
    return [container["Id"] for container in found]


@pytest.mark.parametrize("seed", [SEED])
def test_wherever_the_connection_is_cut_the_same_command_heals(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    tries = Tries(Tally())
    deployment = FarDeployment(bench.side)
    deployment.start()
    for cut in choose_cuts(bench, deployment, chance):
        before = len(tries.lost)
        with tries.one(cut.end.value, str(cut)):
            go_through(bench, deployment, cut)
        if len(tries.lost) > before:
            bench.scissors.mend()
            deployment.discard()
            deployment = FarDeployment(bench.side)
            deployment.start()
    tries.end()
    assert tries.tally.rows, "nothing was tried"
    bench.events.settle()
    assert bench.one_writer.violations == []


# The changes that the engine makes and wb does not hear of are the hardest to heal.
@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("run, all new", Call("network create", 1)),
        ("run, all new", Call("start", 3)),
        ("run, PostgreSQL changed", Call("rename", 1)),
        ("stop", Call("stop", 1)),
    ],
    ids=str,
)
def test_a_change_that_wb_does_not_hear_of_is_healed(
    bench: Bench, command: str, call: Call
) -> None:
    tries = Tries(Tally())
    deployment = FarDeployment(bench.side)
    deployment.start()
    cut = Cut(command, Fault(call, How.DROPPED_AFTER), End.ENDED)
    with tries.one(cut.end.value, str(cut)):
        go_through(bench, deployment, cut)
    tries.end()
    assert tries.tally.rows, "nothing was tried"
    bench.events.settle()
    assert bench.one_writer.violations == []
