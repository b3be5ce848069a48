"""One race: writers, readers and faults at once, by a plan that a seed determines.

The invariant: no answer is older than what its own server acknowledged before it was asked for, nor
than what another acknowledged, or anybody saw, more than `BOUND_S` before. Once a clear was
acknowledged, no answer was computed before it: from its own server at once, from another after
`CLEARED_BOUND_S`. What an answer says is of one state, and always the same under the same ETag.
Nothing fails but what is known to be away.
"""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any

from faults.races.clears import Clears
from faults.races.facts import Events
from faults.races.readers import Judge, read_on
from faults.races.stack import FAULTS, Stack
from faults.races.world import World
from faults.races.writers import Administrator, Runs, Touches, Writer, writers
from support.platform_data import address_of

CLIENTS = 50
QUIET = "no fault yet"


@dataclass(frozen=True)
class Step:
    """A fault, and the number of answers that must come before it."""

    answers_before: int
    fault: str


@dataclass(frozen=True)
class Plan:
    """The plan of a race. A seed determines it, so that a race can be run again."""

    seed: int
    answers: int  # the least number, unless the time is over
    within_s: float
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, seed: int, answers: int, within_s: float, rounds: int = 1) -> "Plan":
        """Make a plan with every fault, a given number of times."""
        dice = Random(seed)
        faults = [fault for _ in range(rounds) for fault in dice.sample(list(FAULTS), len(FAULTS))]
        pause = answers // (3 * len(faults))
        steps = tuple(Step(dice.randint(pause // 2, pause), fault) for fault in faults)
        return cls(seed, answers, within_s, steps)

    def dice(self, name: str) -> Random:
        """The random numbers of one participant."""
        return Random(f"{self.seed} {name}")


@dataclass
class Race:
    """A race in progress."""

    plan: Plan
    stack: Stack
    events: Events = field(default_factory=Events)
    world: World = field(default_factory=World)
    tries: list[tuple[str, bool]] = field(default_factory=list)  # the fault, and whether all held
    elapsed_s: float = 0.0

    def __post_init__(self) -> None:
        self.judge = Judge(self.world, self.events, self.stack.may_refuse)
        kinds = (Runs, Touches, Clears)
        self.by_api = tuple(kind(Administrator(self.stack.ports)) for kind in kinds)
        self.writers: list[Writer | Runs | Touches | Clears] = [*writers(), *self.by_api]

    async def run(self) -> None:
        """Carry out the whole plan."""
        began = time.monotonic()
        address = address_of(self.stack.postgres.url)
        async with asyncio.TaskGroup() as group:
            others = [
                group.create_task(work)
                for work in (
                    *(
                        read_on(self.judge, self.stack.ports, self.dice("reader", n))
                        for n in range(CLIENTS)
                    ),
                    *(
                        writer.run(self.world, self.events, address, self.dice("writer", n))
                        for n, writer in enumerate(self.writers)
                    ),
                )
            ]
            await self._carry_out_plan()
            rest = self.plan.answers - self.events.answers
            await self._until_time_is_over(began, self.events.more_answers(max(rest, 1)))
            for task in others:
                task.cancel()
        await asyncio.sleep(0)  # dropped connections are gone after the next turn of the event loop
        self.elapsed_s = time.monotonic() - began

    def dice(self, kind: str, n: int) -> Random:
        """The random numbers of one reader or writer."""
        return self.plan.dice(f"{kind} {n}")

    async def _carry_out_plan(self) -> None:
        dice = self.plan.dice("faults")
        fault, before = QUIET, 0
        for step in self.plan.steps:
            await self.events.more_answers(step.answers_before)
            self._count(fault, before)
            fault, before = step.fault, len(self.judge.violations)
            await FAULTS[step.fault](self.stack, self.events, dice)
            await self.events.more_answers(1)
        await self.events.more_answers(200)
        self._count(fault, before)

    def _count(self, fault: str, before: int) -> None:
        self.tries.append((fault, len(self.judge.violations) == before))

    async def _until_time_is_over(self, began: float, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(max(1, self.plan.within_s - (time.monotonic() - began))):
                await work
        except TimeoutError:
            return

    @property
    def findings(self) -> list[str]:
        """List everything that did not hold."""
        by_api = (it for writer in self.by_api for it in writer.administrator.complaints)
        found = (*self.judge.violations, *by_api, *self.stack.complaints)
        return [f"seed {self.plan.seed}: {finding}" for finding in found]

    def summary(self) -> str:
        """Describe the race in one line."""
        tally = self.judge.tally
        statuses = ", ".join(f"{n} {status}" for status, n in sorted(tally.by_status.items()))
        return (
            f"seed {self.plan.seed}: {self.events.answers} answers in {self.elapsed_s:.0f} s "
            f"({statuses}; {tally.unsettled} unsettled, {tally.compressed} compressed, "
            f"{tally.unanswered} unanswered), {len(self.findings)} findings"
        )
