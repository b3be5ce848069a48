"""A race of 50 readers with writers and nine faults: no answer is older than its asker may expect.

Two servers, one Valkey, one PostgreSQL. ``WB_TEST_ALL=1`` takes 100,000 answers,
``WB_RACES_SEED=n`` runs one seed again.
"""

import asyncio
import os

import pytest
from faults.races.driver import QUIET, Plan, Race
from faults.races.stack import FAULTS, Stack
from support.services import Services

pytestmark = [pytest.mark.faults, pytest.mark.services]

ALL = os.environ.get("WB_TEST_ALL") == "1"
ONE = os.environ.get("WB_RACES_SEED")
SEEDS = [int(ONE)] if ONE else range(1, 6) if ALL else [1]
ANSWERS = 20_000
# The quick form ends then, with fewer answers, on a machine that is busy with other things.
WITHIN_S = 1200 if ALL else 60
FEWEST_ANSWERS = ANSWERS if ALL else 4_000
SHOWN = 20


# Two workers of each server answer as one: what one acknowledged, the other answers no older.
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_answer_is_older_than_what_was_known_when_it_was_asked_for(
    seed: int, workers: int, services: Services
) -> None:
    with Stack.running(services, workers) as stack:
        race = Race(Plan.of(seed, ANSWERS, WITHIN_S), stack)
        asyncio.run(race.run())
    if race.findings:
        pytest.fail("\n".join([race.summary(), *race.findings[:SHOWN]]), pytrace=False)
    # And all of it took place.
    assert {fault for fault, _ in race.tries} == {QUIET, *FAULTS}
    assert [writer.name for writer in race.writers if not writer.written] == []
    assert race.events.answers >= FEWEST_ANSWERS
    tally = race.judge.tally
    assert min(tally.by_status[304], tally.unsettled, tally.compressed) > FEWEST_ANSWERS / 100
