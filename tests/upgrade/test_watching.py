"""Which upgraded instances do not run well any more, by one listing of the engine."""

import pytest

from wb_cli.contract import PREVIOUS_SUFFIX, Part
from wb_cli.engine.types import LABEL_INSTANCE, LABEL_ROLE, Observed, ObservedContainer, State
from wb_cli.upgrade.watching import find_unwell


def platform(state: State, status: str = "", suffix: str = "") -> ObservedContainer:
    labels = {LABEL_INSTANCE: "demo", LABEL_ROLE: Part.PLATFORM}
    name = f"demo{suffix}"
    return ObservedContainer(name, name, state, status, "image", "sha256:1", labels=labels)


RUNS = platform(State.RUNNING, "Up 5 minutes (healthy)")
SET_ASIDE = platform(State.EXITED, suffix=PREVIOUS_SUFFIX)


@pytest.mark.parametrize("listed", [(RUNS,), (RUNS, SET_ASIDE), (SET_ASIDE, RUNS)])
def test_a_platform_that_runs_is_well_whatever_was_set_aside(
    listed: tuple[ObservedContainer, ...],
) -> None:
    assert find_unwell(Observed(listed), {"demo"}) == {}


@pytest.mark.parametrize("listed", [(), (platform(State.EXITED),), (SET_ASIDE,)])
def test_one_that_ended_or_is_gone_is_not(listed: tuple[ObservedContainer, ...]) -> None:
    assert "does not run" in find_unwell(Observed(listed), {"demo"})["demo"]


def test_one_whose_health_check_fails_is_not() -> None:
    sick = platform(State.RUNNING, "Up 5 minutes (unhealthy)")
    assert "unhealthy" in find_unwell(Observed((sick,)), {"demo"})["demo"]


def test_of_two_that_run_the_one_with_its_own_name_is_found() -> None:
    aside = platform(State.RUNNING, suffix=PREVIOUS_SUFFIX)
    assert Observed((aside, RUNS)).find_running("demo", Part.PLATFORM) == RUNS
    assert Observed((aside,)).find_running("demo", Part.PLATFORM) == aside
    assert Observed((aside, RUNS)).find_running("demo", Part.VALKEY) is None
