"""No answer is older than what was acknowledged before it was asked for, whatever befalls.

``WB_RACES_SEED=n`` runs one seed again.
"""

import asyncio
import os

import pytest
from faults.races.driver import Plan, Race
from faults.races.stack import FAULTS, Stack
from services import Services

pytestmark = [pytest.mark.faults, pytest.mark.services]

ALL = os.environ.get("WB_TEST_ALL") == "1"
ONE = os.environ.get("WB_RACES_SEED")
SEEDS = [int(ONE)] if ONE else range(1, 6) if ALL else [1]
ANSWERS = 20_000
# The quick form ends here, with fewer answers, on a machine that is busy with other things.
WITHIN_S = 1200 if ALL else 60
SHOWN = 20


@pytest.mark.parametrize("seed", SEEDS)
def test_no_answer_is_older_than_what_was_known_when_it_was_asked_for(
    seed: int, services: Services, record_property
) -> None:
    stack = Stack.start(services)
    race = Race(Plan.of(seed, ANSWERS, WITHIN_S), stack)
    try:
        asyncio.run(race.run())
    finally:
        stack.close()
    print(race.summary())
    for fault, count in race.counts.items():
        record_property("fault", (fault, count.tries, count.tries - count.lost, count.lost))
    findings = race.findings
    assert not findings, "\n".join([f"{race.summary()}; the first:", *findings[:SHOWN]])
    assert set(FAULTS) <= set(race.counts)
    assert race.events.answers >= ANSWERS if ALL else ANSWERS // 10
