"""The variables that an instance should not set itself."""

import pytest

from wb_cli.instances.own_environment import REASONS, find_objection


@pytest.mark.parametrize("name", ["A", "_a1", "LANG", "MY_PORT"])
def test_a_variable_of_the_operator_s_own_may_be_set(name: str) -> None:
    assert find_objection(name) == ""


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A=B", "É"])
def test_what_is_no_name_of_a_variable_is_refused(name: str) -> None:
    assert find_objection(name) == (
        f"env.{name}: the name of a variable is letters, digits and _, and begins with no digit"
    )


@pytest.mark.parametrize(("name", "reason"), REASONS.items(), ids=REASONS)
def test_a_variable_that_wb_sets_is_refused_with_the_reason(name: str, reason: str) -> None:
    assert find_objection(name) == f"env.{name}: wb sets this variable itself: {reason}"
