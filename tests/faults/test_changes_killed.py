"""`kill -9` of an upgrade, a rollback, a restore or a change of a password: it is ended or undone.

Each command is killed at its steps, at any time, and as the engine works. One command follows:
`wb repair` with `wb run`, `wb run` alone, or the same once more.
"""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.changes import CHANGES, REMEDIES, Changing, name_kill
from faults.engine.events import EngineEvents
from faults.kills import Moment
from faults.tally import NotTriedError, Tries
from support.wb_host import COMMAND_S

pytestmark = [pytest.mark.engine, pytest.mark.faults]

LAUNCHER = Path(__file__).with_name("killed_at_step.py")
SEED = int(os.environ.get("WB_TEST_SEED", "0")) or time.time_ns() % 10**9
# By default a sample: so many steps of each command, and so many kills by chance.
ALL = bool(os.environ.get("WB_TEST_ALL"))
SOME_STEPS, BY_CHANCE = 2, (20 if ALL else 2)
EVENTS, POLL_S = 8, 0.2


class Killer:
    """Kills one command of an instance again and again. Each time another remedy follows."""

    def __init__(self, deployment: Changing, verb: str, tries: Tries) -> None:
        self.deployment, self.verb, self.tries = deployment, verb, tries
        self._remedies = itertools.cycle(REMEDIES)

    def go_through(self, when: str, kill: Callable[[list[str]], bool]) -> bool:
        """Kill the command, mend the instance, and check it. Say whether it was killed."""
        remedy = next(self._remedies)
        before, was_killed = len(self.tries.lost), True
        with self.tries.one(name_kill(self.verb), f"wb {self.verb}, {when}; then {remedy}"):
            change = CHANGES[self.verb]
            change.prepare(self.deployment)
            words = change.make_words(self.deployment)
            was_killed = kill(words)
            if not was_killed:
                self.deployment.settle()
                raise NotTriedError
            REMEDIES[remedy](self.deployment, words)
            self.deployment.check_good()
            self.deployment.settle()
        if len(self.tries.lost) > before:
            self.deployment = self.deployment.replace_changing()
        return was_killed

    def kill_at_step(self, moment: str, step: int) -> bool:
        """Kill it at a step. Say whether it was killed; otherwise it ended before."""

        def kill(words: list[str]) -> bool:
            done = subprocess.run(
                [sys.executable, str(LAUNCHER), moment, str(step), *words],
                env=self.deployment.environ,
                capture_output=True,
                timeout=COMMAND_S,
                check=False,
            )
            assert done.returncode in {0, -signal.SIGKILL}, done.stderr.decode()
            return done.returncode != 0

        return self.go_through(f"killed {moment} step {step}", kill)

    def kill_after(self, seconds: float) -> bool:
        """Kill it after that time, if it still runs."""
        return self.go_through(
            f"killed after {seconds:.2f} s",
            lambda words: self._kill_when(words, _wait_for(seconds)),
        )

    def kill_at_event(self, events: EngineEvents, number: int) -> bool:
        """Kill it at an event of the engine, if it still runs."""
        since, id_ = events.settle(), self.deployment.id

        def wait(process: subprocess.Popen[bytes]) -> bool:
            is_it = Moment(number).watch_for
            while not events.wait_for(is_it(id_), since, POLL_S):
                if process.poll() is not None:
                    return False
            return process.poll() is None

        return self.go_through(
            f"killed at event {number}", lambda words: self._kill_when(words, wait)
        )

    def measure(self) -> float:
        """Measure how many seconds the command takes if nobody kills it."""
        change = CHANGES[self.verb]
        change.prepare(self.deployment)
        began = time.monotonic()
        self.deployment.give(*change.make_words(self.deployment))
        took = time.monotonic() - began
        self.deployment.settle()
        return took

    def _kill_when(self, words: list[str], wait: Callable[[subprocess.Popen[bytes]], bool]) -> bool:
        with subprocess.Popen(
            [sys.executable, "-m", "wb_cli", *words],
            env=self.deployment.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            if not wait(process):
                return False
            process.kill()
        return process.returncode == -signal.SIGKILL


def _wait_for(seconds: float) -> Callable[[subprocess.Popen[bytes]], bool]:
    def wait(process: subprocess.Popen[bytes]) -> bool:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    return wait


def choose_steps(verb: str, moment: str) -> Iterator[int]:
    """Choose every step of a command, or a sample of them."""
    if ALL:
        return itertools.count(1)
    chance = random.Random(f"{SEED} {verb} {moment}")
    return iter(sorted(chance.sample(range(1, CHANGES[verb].steps + 1), SOME_STEPS)))


@pytest.mark.parametrize("verb", CHANGES)
@pytest.mark.parametrize("seed", [SEED])
def test_a_change_killed_at_any_step_is_ended_or_undone_by_one_command(
    deployment: Changing, tries: Tries, verb: str, seed: int
) -> None:
    assert seed == SEED, "the steps are chosen by it"
    killer = Killer(deployment, verb, tries)
    last = 0
    for moment in ("before", "after"):
        for last in choose_steps(verb, moment):
            if not killer.kill_at_step(moment, last):
                break
    tries.end()
    assert last > (CHANGES[verb].steps if ALL else 0)


@pytest.mark.parametrize("verb", CHANGES)
@pytest.mark.parametrize("seed", [SEED])
def test_a_change_killed_at_any_time_is_ended_or_undone_by_one_command(
    deployment: Changing, tries: Tries, verb: str, seed: int
) -> None:
    chance, killer = random.Random(f"{seed} {verb}"), Killer(deployment, verb, tries)
    most = killer.measure()
    for _ in range(BY_CHANCE):
        killer.kill_after(chance.uniform(0.2, most))
    tries.end()


@pytest.mark.parametrize("verb", CHANGES)
@pytest.mark.parametrize("seed", [SEED])
def test_a_change_killed_as_the_engine_works_is_ended_or_undone_by_one_command(
    deployment: Changing, events: EngineEvents, tries: Tries, verb: str, seed: int
) -> None:
    chance, killer = random.Random(f"{seed} {verb}"), Killer(deployment, verb, tries)
    for _ in range(BY_CHANCE):
        killer.kill_at_event(events, chance.randint(1, EVENTS))
    tries.end()
