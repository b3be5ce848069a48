"""What an audit of the locks says: nothing that was not looked at counts as good."""

import pytest
from support.audit import Outcome, judge

GOOD = {"name": "h11", "version": "0.16.0", "vulns": []}
SKIPPED = {"name": "anyio", "skip_reason": "Dependency not found on PyPI"}
FLAW = {"id": "PYSEC-1", "fix_versions": ["0.17"], "aliases": [], "description": ""}
BAD = {"name": "h11", "version": "0.16.0", "vulns": [FLAW]}


@pytest.mark.parametrize(
    ("packages", "outcome", "said"),
    [
        ([GOOD], Outcome.CLEAN, "no flaw is known in 1 packages"),
        ([GOOD, SKIPPED], Outcome.UNCHECKED, "could not be checked: anyio (checked were 1)"),
        ([], Outcome.UNCHECKED, "could not be checked: all of it (checked were 0)"),
        ([BAD], Outcome.FLAWED, "h11 0.16.0: PYSEC-1, mended in 0.17"),
        (
            [BAD, SKIPPED],
            Outcome.FLAWED,
            "h11 0.16.0: PYSEC-1, mended in 0.17\ncould not be checked: anyio (checked were 1)",
        ),
    ],
)
def test_what_could_not_be_checked_is_never_called_clean(packages, outcome, said) -> None:
    audit = judge({"dependencies": packages})
    assert (audit.outcome, audit.describe()) == (outcome, said)
