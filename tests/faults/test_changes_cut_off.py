"""An upgrade, a rollback, a restore or a change of a password loses its engine, or has rivals.

The connection to the engine is lost at any call, a real engine is killed, and ten operators give
the command at once. One command follows.
"""

import itertools
import os
import random
import signal
import time
from contextlib import ExitStack

import docker
import pytest
from backup.site import RESTIC
from faults.changes import (
    CHANGES,
    OWN_ENGINE_KILLED,
    REMEDIES,
    Changing,
    name_loss,
    name_rivals,
    start_changing,
)
from faults.engine.faulty_engine import Call, Fault, FaultyEngine, How
from faults.tally import NotTriedError, Tries
from support.fixtures.hosts import hosts_with
from support.own_engine import OwnEngine
from support.platform_stand_in import Platforms
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.faults]

SEED = int(os.environ.get("WB_TEST_SEED", "0")) or time.time_ns() % 10**9
# By default a sample of the calls of each command.
ALL, SOME_CALLS = bool(os.environ.get("WB_TEST_ALL")), 2
HOWS = (How.DROPPED_BEFORE, How.DROPPED_AFTER, How.FAILED, How.REFUSED)


def choose_faults(deployment: Changing, faulty: FaultyEngine, verb: str) -> list[Fault]:
    """Choose each call of a command, with one way of going wrong, or a sample of them."""
    change = CHANGES[verb]
    change.prepare(deployment)
    faulty.begin()
    deployment.give(*change.make_words(deployment), DOCKER_HOST=faulty.url)
    deployment.settle()
    hows = itertools.islice(itertools.cycle(HOWS), SEED % len(HOWS), None)
    # Other calls come in another order when they come side by side.
    calls: list[Call] = sorted(set(faulty.calls))
    faults = [Fault(call, how) for call, how in zip(calls, hows, strict=False)]
    return faults if ALL else random.Random(f"{SEED} {verb}").sample(faults, SOME_CALLS)


@pytest.mark.parametrize("verb", CHANGES)
@pytest.mark.parametrize("seed", [SEED])
def test_a_change_that_loses_the_engine_at_any_call_is_ended_or_undone_by_one_command(
    deployment: Changing, faulty: FaultyEngine, tries: Tries, verb: str, seed: int
) -> None:
    assert seed == SEED, "the calls are chosen by it"
    change, remedies = CHANGES[verb], itertools.cycle(REMEDIES)
    for fault in choose_faults(deployment, faulty, verb):
        remedy, before = next(remedies), len(tries.lost)
        with tries.one(name_loss(verb), f"wb {verb}, {fault}; then {remedy}"):
            change.prepare(deployment)
            words = change.make_words(deployment)
            faulty.begin(fault)
            deployment.give(*words, exits=(), DOCKER_HOST=faulty.url)
            if not faulty.has_failed:
                deployment.settle()
                raise NotTriedError
            REMEDIES[remedy](deployment, words)
            deployment.check_good()
            deployment.settle()
        if len(tries.lost) > before:
            deployment = deployment.replace_changing()
    tries.end()


@pytest.mark.parametrize("verb", CHANGES)
def test_of_several_operators_who_change_an_instance_at_once_one_does_and_it_is_whole(
    deployment: Changing, tries: Tries, verb: str
) -> None:
    change = CHANGES[verb]
    for count in (2, 10):
        with tries.one(name_rivals(verb), f"{count} times wb {verb}"), ExitStack() as stack:
            change.prepare(deployment)
            words = change.make_words(deployment)
            started = [stack.enter_context(deployment.site.started(*words)) for _ in range(count)]
            ended = [process.communicate(timeout=COMMAND_S) for process in started]
            codes = [process.returncode for process in started]
            assert not any("Traceback" in said for _, said in ended), ended
            # Who comes when the first has ended finds nothing to take back, or does it once more.
            assert set(codes) <= {ExitCode.OK, ExitCode.LOCKED, ExitCode.USAGE}, ended
            assert ExitCode.OK in codes
            deployment.check_good()
            deployment.settle()
    tries.end()


@pytest.fixture(scope="module")
def own_host(
    own_engine: OwnEngine,
    docker_client: docker.DockerClient,
    platforms: Platforms,
    run_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Host:
    """An operator's machine with no other engine, which has two versions of the platform."""
    own_engine.load(docker_client, [RESTIC, platforms("newer")])
    new_host = hosts_with(platforms("healthy"), own_engine.client, run_id)
    return new_host(tmp_path_factory.mktemp("host"))


@pytest.mark.usefixtures("on_own_engine")
def test_a_change_whose_real_engine_is_killed_is_ended_or_undone_by_one_command(
    own_engine: OwnEngine, own_host: Host, tries: Tries
) -> None:
    deployment = start_changing(own_host)
    for (verb, change), remedy in zip(CHANGES.items(), itertools.cycle(REMEDIES), strict=False):
        with tries.one(OWN_ENGINE_KILLED, f"wb {verb}; then {remedy}"):
            change.prepare(deployment)
            words, platform = change.make_words(deployment), own_host.ids(deployment.id)["platform"]
            with deployment.site.started(*words) as process:
                wait_until(
                    lambda platform=platform: not is_running(deployment, platform),
                    "the stop of the platform",
                )
                own_engine.end(signal.SIGKILL)
                _, said = process.communicate(timeout=COMMAND_S)
            assert process.returncode, said
            assert "Traceback" not in said
            own_engine.start()
            REMEDIES[remedy](deployment, words)
            deployment.check_good()
            deployment.settle()
    tries.end()


def is_running(deployment: Changing, container: str) -> bool:
    listed = deployment.host.listed(deployment.id)
    return any(each["Id"] == container and each["State"] == "running" for each in listed)
