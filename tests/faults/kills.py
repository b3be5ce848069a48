"""kill -9 of `wb` at an event of the engine, on instances of many kinds. Each has time to settle.

What a dead command had begun to stop may take its time. So an instance is looked at again some
seconds later, and until then others have their turn.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from faults.commands import COMMANDS
from faults.deployment import Deployment, Kind
from faults.engine.events import EngineEvents, Event
from faults.tally import NotTriedError, Tries
from support.wb_host import Host

STILL_TRUE_AFTER_S = 15
# The name of all tries in the table.
FAULT = f"`kill -9` of wb at an event of the engine, looked at again {STILL_TRUE_AFTER_S} s later"
DELAYS_S = (0, 0, 0.02, 0.1, 0.1, 0.4)
REMEDIES = ("run", "restart", "stop")
# The least number of the engine's events that a command causes. Stops take the most time.
EVENTS = {"run, all new": 9, "restart": 26, "stop": 10}
EVENTS_OF_A_CHANGE = 9
POLL_S = 0.2


class Moment(NamedTuple):
    """An event by its number, from 1. With an action, only its events count."""

    number: int
    action: str = ""

    def __str__(self) -> str:
        return f"{self.action or 'event'} {self.number}"

    def watch_for(self, id_: str) -> Callable[[Event], bool]:
        """Give a function that tells this event. Ask it for every event since the command."""
        seen = 0

        def is_it(event: Event) -> bool:
            nonlocal seen
            seen += event.instance == id_ and self.action in {"", event.action}
            return seen == self.number

        return is_it


class Try(NamedTuple):
    """A command that is killed some time after a moment, and the command that repairs it."""

    kind: str
    command: str
    moment: Moment
    delay_s: float
    remedy: str

    @classmethod
    def choose(cls, kind: str, chance: random.Random) -> "Try":
        """Choose a try. In half of the tries, a container is being told to stop."""
        verb = chance.choice(["run", "restart", "stop"])
        command = chance.choice([name for name in COMMANDS if name.startswith(verb)])
        moment = Moment(chance.randint(1, EVENTS.get(command, EVENTS_OF_A_CHANGE)))
        if command != "run, all new" and chance.random() < 0.5:
            moment = Moment(chance.randint(1, 3) if command in EVENTS else 1, "kill")
        return cls(kind, command, moment, chance.choice(DELAYS_S), chance.choice(REMEDIES))

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.command}, killed {self.delay_s:g} s after {self.moment}; "
            f"then {self.remedy}"
        )


class Settling(NamedTuple):
    """A repaired instance, with its try, the time of the repair, and the events before it."""

    deployment: Deployment
    this: Try
    since: int
    at: float


class Driver:
    """Tries one kind of instance after another, with one instance of each."""

    def __init__(
        self, host: Host, events: EngineEvents, tries: Tries, kinds: Mapping[str, Kind]
    ) -> None:
        self.host, self.events, self.tries, self.kinds = host, events, tries, kinds
        self._deployments: dict[str, Deployment] = {}
        self._settling: dict[str, Settling] = {}

    def go_through(self, this: Try) -> None:
        """Kill a command, and repair the instance with another command."""
        self.settle(this.kind)
        deployment = self._prepare(this.kind)
        try:
            self._kill(deployment, this)
            make_good(deployment, this.remedy)
        except NotTriedError:
            return
        except (AssertionError, TimeoutError) as loss:
            self._lose(this, loss)
        else:
            since = self.events.settle()
            self._settling[this.kind] = Settling(deployment, this, since, time.monotonic())

    def settle(self, *kinds: str) -> None:
        """Check the instances of some kinds, or of all, again after their time to settle."""
        for kind in kinds or list(self._settling):
            if settling := self._settling.pop(kind, None):
                try:
                    self._check_rest(settling)
                except (AssertionError, TimeoutError) as loss:
                    self._lose(settling.this, loss)
                else:
                    self.tries.hold(FAULT)

    def discard(self) -> None:
        """Remove all instances."""
        for deployment in self._deployments.values():
            deployment.discard()
        self._deployments.clear()

    def _prepare(self, kind: str) -> Deployment:
        if kind not in self._deployments:
            self._deployments[kind] = Deployment(self.host, self.kinds[kind])
            self._deployments[kind].start()
        return self._deployments[kind]

    def _lose(self, this: Try, loss: Exception) -> None:
        """Give the next try of this kind a new instance."""
        self.tries.lose(FAULT, str(this), loss)
        self._deployments.pop(this.kind).discard()

    def _kill(self, deployment: Deployment, this: Try) -> None:
        prepare, verb = COMMANDS[this.command]
        prepare(deployment)
        if deployment.inspect_containers():
            deployment.slow_down()
        since = self.events.settle()
        with subprocess.Popen(
            [sys.executable, "-m", "wb_cli", verb, deployment.id],
            env=self.host.environ | deployment.environ,
            cwd=self.host.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            self._wait_for(this, deployment, since, process)
            process.kill()

    def _wait_for(
        self, this: Try, deployment: Deployment, since: int, process: subprocess.Popen[bytes]
    ) -> None:
        while not self.events.wait_for(this.moment.watch_for(deployment.id), since, POLL_S):
            if process.poll() is not None:
                raise NotTriedError
        try:
            process.wait(this.delay_s)
        except subprocess.TimeoutExpired:
            return
        raise NotTriedError

    def _check_rest(self, settling: Settling) -> None:
        """Check that no event happened since, and that the instance is unchanged."""
        deployment, _, since, at = settling
        rest_s = max(0, at + STILL_TRUE_AFTER_S - time.monotonic())
        unrest = self.events.wait_for(lambda event: is_unrest(event, deployment.id), since, rest_s)
        assert not unrest, f"{unrest.at - at:.1f} s later: {unrest.action} of {unrest.name}"
        check(deployment, settling.this.remedy)


def is_unrest(event: Event, id_: str) -> bool:
    """The actions that end a part of an instance, or start it again."""
    return event.instance == id_ and event.action in {"create", "start", "kill", "die"}


def make_good(deployment: Deployment, remedy: str) -> None:
    """Run one command, and check that all is right after it."""
    deployment.wb(remedy)
    check(deployment, remedy)
    if remedy != "stop":
        deployment.write(f"{time.time_ns()}")


def check(deployment: Deployment, remedy: str) -> None:
    """Check what must hold after a command."""
    if remedy == "stop":
        deployment.check_gone()
    else:
        deployment.check_runs()
