"""The states of instances: their order, their exit codes and their sum."""

import pytest

from wb_cli.contract import Part
from wb_cli.errors import ExitCode
from wb_cli.observe.status.instance_state import (
    EXIT_CODES,
    Condition,
    InstanceState,
    InstanceStatus,
    PartStatus,
    choose_exit_code,
    count_states,
    summarise,
)

S = InstanceState


def test_every_state_has_an_exit_code_and_a_place() -> None:
    assert set(EXIT_CODES) == set(InstanceState)
    assert [state.severity for state in InstanceState] == list(range(len(InstanceState)))


@pytest.mark.parametrize(
    ("states", "has_refused", "code"),
    [
        ([], False, ExitCode.OK),
        ([S.RUNNING, S.STOPPED], False, ExitCode.OK),
        ([S.RUNNING, S.STARTING], False, ExitCode.STILL_STARTING),
        ([S.STARTING, S.DEGRADED, S.RUNNING], False, ExitCode.DEGRADED),
        ([S.DEGRADED, S.BROKEN], False, ExitCode.FAILURE),
        ([S.FOREIGN, S.RUNNING], False, ExitCode.FAILURE),
        ([S.UNKNOWN, S.BROKEN], False, ExitCode.ENGINE_UNREACHABLE),
        ([], True, ExitCode.PARTIAL),
        ([S.DEGRADED], True, ExitCode.PARTIAL),
        ([S.BROKEN], True, ExitCode.FAILURE),
        ([S.FOREIGN], True, ExitCode.FAILURE),
    ],
)
def test_the_exit_code_is_that_of_the_worst(
    states: list[InstanceState], has_refused: bool, code: ExitCode
) -> None:
    assert choose_exit_code(states, has_refused=has_refused) is code


def test_the_sum_names_those_that_are_not_well_with_the_worst_last() -> None:
    states = [*[S.RUNNING] * 3, S.STOPPED, *[S.BROKEN] * 4, S.DEGRADED]
    fleet = [InstanceStatus(f"u{number}", state) for number, state in enumerate(states)]
    assert count_states(fleet) == (
        "3 running, 1 stopped, 1 degraded: u8, 4 broken: u4 u5 u6 and 1 more"
    )


def test_an_instance_of_which_no_part_is_known_is_unknown_and_not_broken() -> None:
    parts = [PartStatus(part, part, Condition.UNKNOWN) for part in Part]
    assert summarise(parts, is_foreign=False) is S.UNKNOWN
    one = [*parts[1:], PartStatus(Part.POSTGRES, "postgres", Condition.EXITED)]
    assert summarise(one, is_foreign=False) is S.BROKEN
