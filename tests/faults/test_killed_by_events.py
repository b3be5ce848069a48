"""`wb` is killed at an event of the engine: the next command repairs the instance for good."""

import itertools
import os
import random
import time

import pytest
from faults.deployment import Kind
from faults.engine.events import EngineEvents
from faults.kills import Driver, Try
from faults.tally import Tries
from support.platform_stand_in import Platforms
from support.wb_host import Host

pytestmark = [pytest.mark.engine, pytest.mark.faults]

SEED = int(os.environ.get("WB_TEST_SEED", "0")) or time.time_ns() % 10**9
# By default a sample that takes three minutes.
ALL = bool(os.environ.get("WB_TEST_ALL"))
TRIES, TRIES_OF_THE_DEAF = (300 if ALL else 20), 30
SLOW, MUTE, DEAF = ({"env": {"MODE": mode}} for mode in ("slow", "mute", "deaf"))
UNSUPERVISED = {"restart": "no"}


@pytest.fixture
def kinds(platforms: Platforms) -> dict[str, Kind]:
    """The kinds of instances: how their parts stop, and whether the engine supervises them."""
    return {
        "all stop at once": Kind(),
        "the platform takes 4 s to stop": Kind(SLOW),
        "the platform takes 4 s to stop, and is silent": Kind(MUTE),
        "Valkey takes 4 s to save": Kind(save_s=4),
        "the admin server takes 4 s to stop": Kind(
            {"adminVersion": "2.0"}, admin_image=platforms("slow")
        ),
        "restart no": Kind(UNSUPERVISED),
        "restart no, the platform takes 4 s to stop": Kind(UNSUPERVISED | SLOW),
        "restart no, Valkey takes 4 s to save": Kind(UNSUPERVISED, save_s=4),
    }


@pytest.fixture
def deaf_kinds() -> dict[str, Kind]:
    """An instance whose platform the engine kills after 10 s. A stop reports that as a failure."""
    return {
        "the platform never stops": Kind(DEAF, exits=(0, 1)),
        "restart no, the platform never stops": Kind(UNSUPERVISED | DEAF, exits=(0, 1)),
    }


def drive(driver: Driver, count: int, seed: int) -> None:
    """Kill a number of commands, on each kind in turn."""
    chance = random.Random(seed)
    for kind in itertools.islice(itertools.cycle(driver.kinds), count):
        driver.go_through(Try.choose(kind, chance))
    driver.settle()
    driver.discard()
    driver.tries.end()


@pytest.mark.parametrize("seed", [SEED])
def test_after_a_command_killed_at_any_event_the_next_repairs_the_instance_for_good(
    host: Host, events: EngineEvents, tries: Tries, kinds: dict[str, Kind], seed: int
) -> None:
    drive(Driver(host, events, tries, kinds), TRIES, seed)


@pytest.mark.skipif(not ALL, reason="each try takes half a minute: WB_TEST_ALL=1")
@pytest.mark.parametrize("seed", [SEED])
def test_after_a_command_killed_while_a_platform_does_not_stop_the_next_repairs_the_instance(
    host: Host, events: EngineEvents, tries: Tries, deaf_kinds: dict[str, Kind], seed: int
) -> None:
    drive(Driver(host, events, tries, deaf_kinds), TRIES_OF_THE_DEAF, seed)
