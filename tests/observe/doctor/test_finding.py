"""Findings are combined, sorted and counted, and give the exit code."""

from typing import Any

import pytest

from wb_cli.errors import ExitCode
from wb_cli.observe.doctor.finding import (
    Finding,
    Severity,
    choose_exit_code,
    combine,
    count_by_severity,
)


def finding(severity: Severity = Severity.WARNING, subject: str = "demo", **other: Any) -> Finding:
    given: dict[str, Any] = {"code": "x", "what": "it is", "why": "it hurts", "command": "true"}
    return Finding(severity=severity, subjects=(subject,), **given | other)


def test_equal_findings_are_told_once_with_all_names() -> None:
    (one,) = combine([finding(), finding(subject="mali"), finding()])
    assert one.subjects == ("demo", "mali")


@pytest.mark.parametrize(
    "other",
    [
        {"code": "y"},
        {"what": "it was"},
        {"severity": Severity.NOTICE},
        {"command": "false"},
        {"advice": "rest"},
    ],
    ids=str,
)
def test_findings_that_differ_are_told_apart(other: dict[str, Any]) -> None:
    assert len(combine([finding(), finding(subject="mali", **other)])) == 2


def test_a_command_names_all_subjects_at_once_or_is_repeated() -> None:
    both = combine([finding(command="wb run {ids}"), finding(command="wb run {ids}", subject="m")])
    assert both[0].commands == ("wb run demo m",)
    each = combine([finding(command="a {id} {id}"), finding(command="a {id} {id}", subject="m")])
    assert each[0].commands == ("a demo demo", "a m m")


def test_many_commands_are_shown_as_one_loop() -> None:
    many = combine(finding(command="a {id} b/{id}", subject=id_) for id_ in ("c", "d", "e"))
    assert many[0].shown_commands == ("for id in c d e; do a $id b/$id; done",)
    assert many[0].as_document()["commands"] == ["a c b/c", "a d b/d", "a e b/e"]
    few = combine(finding(command="a {id}", subject=id_) for id_ in ("c", "d"))
    assert few[0].shown_commands == ("a c", "a d")
    together = combine(finding(command="a {ids}", subject=id_) for id_ in ("c", "d", "e"))
    assert together[0].shown_commands == ("a c d e",)


def test_advice_names_the_one_subject_or_leaves_a_place_for_it() -> None:
    (one,) = combine([finding(advice="see {id}")])
    assert one.hint == "see demo"
    (two,) = combine([finding(advice="see {id}"), finding(advice="see {id}", subject="mali")])
    assert two.hint == "see <id>"


def test_the_worst_come_first_and_the_machine_s_before_the_instances() -> None:
    unsorted = [
        finding(Severity.NOTICE),
        finding(Severity.UNKNOWN),
        finding(Severity.CRITICAL, code="b"),
        finding(Severity.CRITICAL, code="c", subject="machine"),
        finding(Severity.WARNING),
    ]
    assert [(each.severity, each.subjects[0]) for each in combine(unsorted)] == [
        (Severity.CRITICAL, "machine"),
        (Severity.CRITICAL, "demo"),
        (Severity.WARNING, "demo"),
        (Severity.UNKNOWN, "demo"),
        (Severity.NOTICE, "demo"),
    ]


@pytest.mark.parametrize(
    ("severities", "code"),
    [
        ((), ExitCode.OK),
        ((Severity.NOTICE,), ExitCode.OK),
        ((Severity.NOTICE, Severity.UNKNOWN), ExitCode.PARTIAL),
        ((Severity.UNKNOWN, Severity.WARNING), ExitCode.DEGRADED),
        ((Severity.WARNING, Severity.CRITICAL), ExitCode.FAILURE),
    ],
)
def test_the_exit_code_is_that_of_the_worst(
    severities: tuple[Severity, ...], code: ExitCode
) -> None:
    assert choose_exit_code([finding(severity) for severity in severities]) is code


def test_only_severities_that_there_are_are_counted() -> None:
    findings = [finding(Severity.NOTICE), finding(), finding(subject="mali")]
    assert count_by_severity(findings) == {Severity.WARNING: 2, Severity.NOTICE: 1}
