"""A host with an engine in memory, and an instance to act on."""

from dataclasses import dataclass, field
from typing import Any

from support.fake_engine import LOADING, FakeEngine, Program

from wb_cli.engine.types import State
from wb_cli.instances.model import Instance
from wb_cli.lifecycle import actions
from wb_cli.lifecycle.actions import Result
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.options import RunOptions, Verb

POSTGRES, VALKEY, PLATFORM, ADMIN = "pg:1", "vk:1", "app:1", "admin:1"
BROKEN = Program("no config\ntraceback\n", exits=7)
NEVER_READY = Program(answers=LOADING)
LOOK = Instance("demo", "Demo", 9001, "1.6.7", image=PLATFORM)


RUNNING = {"demo-postgres": State.RUNNING, "demo-valkey": State.RUNNING, "demo": State.RUNNING}


@dataclass
class World:
    """A host with an engine in memory."""

    engine: FakeEngine
    fleet: Fleet
    reports: list[str] = field(default_factory=list)

    def run(self, instance: Instance = LOOK, **options: Any) -> Result:
        return actions.run(self.fleet, instance, self.options(Verb.RUN, **options))

    def restart(self, instance: Instance = LOOK, **options: Any) -> Result:
        return actions.restart(self.fleet, instance, self.options(Verb.RESTART, **options))

    def stop(self, **options: Any) -> Result:
        return actions.stop(self.fleet, "demo", self.options(Verb.STOP, **options))

    def options(self, verb: Verb = Verb.RUN, **options: Any) -> RunOptions:
        given: dict[str, Any] = {"timeout_s": 5.0, "report": self.reports.append}
        return RunOptions(verb, **(given | options))

    def states(self) -> dict[str, State]:
        return {container.name: container.state for container in self.engine.containers.values()}


def with_patient_platform(world: World) -> None:
    """Let the image of the platform say that its program waits for its database."""
    world.engine.waiting_images.add(PLATFORM)


def ready(world: World) -> dict[str, Any]:
    """The containers after an action, without their ids."""
    return {c.name: (c.state, c.policy, c.spec.image) for c in world.engine.containers.values()}
