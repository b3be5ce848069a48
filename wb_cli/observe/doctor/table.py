"""The table of all checks, and the judging of the facts by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.instances.suggestions import find_or_suggest
from wb_cli.observe.doctor.check import CHECKS, Check
from wb_cli.observe.doctor.finding import Finding, combine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wb_cli.observe.doctor.facts import Facts


def list_checks() -> dict[str, Check]:
    """List all checks by code."""
    import wb_cli.observe.doctor.checks  # noqa: F401  (fills the table)

    return CHECKS


def choose_checks(ignored: Iterable[str] = ()) -> list[Check]:
    """Choose all checks but those that the operator does not want to hear of.

    Raises:
        UsageError: there is no check with that code.
    """
    checks = list_checks()
    for code in ignored:
        find_or_suggest(
            code, checks, f"there is no check {code!r}", "Its code stands before each finding."
        )
    return [check for code, check in checks.items() if code not in set(ignored)]


def examine(facts: Facts, checks: Iterable[Check] | None = None) -> list[Finding]:
    """Judge the facts with the checks. If instances were chosen, the machine is left out."""
    findings = (
        Finding(
            each.code,
            sign.severity,
            (sign.subject,),
            sign.what,
            each.why,
            sign.command,
            sign.advice,
        )
        for each in (choose_checks() if checks is None else checks)
        for sign in each.judge(facts)
        if facts.chooses_all or sign.is_of_instance or each.code in ALWAYS
    )
    return combine(findings)


# Whoever asks about one instance must hear that nothing is known.
ALWAYS = {"engine-unreachable", "not-known", "registry-unreadable"}
