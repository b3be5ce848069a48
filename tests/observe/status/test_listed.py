"""What the engine's listing says of a container in its own words, and what it leaves open."""

import pytest

from wb_cli.engine.types import Health, ObservedContainer, State
from wb_cli.observe.status.listed import describe_listed, needs_inspection, read_sentence

NOW = 1_000_000.0
AGES = {
    "Up Less than a second": (0, 1),
    "Up 1 second": (1, 2),
    "Up 59 seconds (healthy)": (59, 60),
    "Up About a minute": (60, 120),
    "Up 5 minutes (unhealthy)": (300, 360),
    "Up About an hour": (1800, 7200),
    "Up 47 hours (Paused)": (167_400, 172_800),
    "Up 13 days": (1_123_200, 1_209_600),
    "Up 3 weeks": (1_814_400, 2_419_200),
    "Up 2 months": (5_184_000, 7_776_000),
    "Up 2 years": (63_072_000, 94_608_000),
    "Exited (137) 2 seconds ago": (2, 3),
    "Created": (None, None),
    "Removal In Progress": (None, None),
}


@pytest.mark.parametrize(("status", "bounds"), AGES.items(), ids=AGES)
def test_an_age_is_read_as_the_time_that_it_may_be(status: str, bounds: tuple[float, ...]) -> None:
    read = read_sentence(status)
    assert (read.at_least_s, read.at_most_s) == bounds


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("Up 2 hours", Health.NONE),
        ("Up 2 hours (healthy)", Health.HEALTHY),
        ("Up 2 hours (unhealthy)", Health.UNHEALTHY),
        ("Up 2 seconds (health: starting)", Health.STARTING),
    ],
)
def test_the_health_is_in_brackets(status: str, health: Health) -> None:
    assert read_sentence(status).health is health


@pytest.mark.parametrize(
    ("status", "code"),
    [("Exited (0) 1 second ago", 0), ("Restarting (137) 4 seconds ago", 137), ("Up 1 day", None)],
)
def test_only_a_container_that_has_ended_has_an_exit_code(status: str, code: int | None) -> None:
    assert read_sentence(status).exit_code == code


def listed(status: str, age_s: float, state: State = State.RUNNING) -> ObservedContainer:
    return ObservedContainer("c", "demo", state, status, "x:1", "sha256:1", created=NOW - age_s)


@pytest.mark.parametrize(
    ("container", "is_open"),
    [
        (listed("Up 2 seconds", 3), False),
        (listed("Up 5 minutes", 365), False),
        (listed("Up 3 days", 4 * 86_400), False),
        (listed("Up 5 minutes", 3 * 86_400), True),
        (listed("Up 2 seconds", 60), True),
        (listed("Up since the flood", 60), True),
        (listed("Created", 60, State.CREATED), False),
        (listed("Exited (1) 2 hours ago", 60, State.EXITED), True),
        (listed("Restarting (1) 2 seconds ago", 60, State.RESTARTING), True),
    ],
)
def test_a_container_is_inspected_if_its_process_is_younger_or_has_ended(
    container: ObservedContainer, is_open: bool
) -> None:
    assert needs_inspection(container, NOW) is is_open


def test_the_listing_gives_state_health_and_exit_code() -> None:
    detail = describe_listed(listed("Exited (3) 2 seconds ago", 9, State.EXITED))
    assert (detail.state, detail.exit_code, detail.health) == (State.EXITED, 3, Health.NONE)
