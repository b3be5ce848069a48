"""Checks of the registry file and the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.finding import Severity, Sign, of_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.observe.doctor.facts import Facts

VALIDATE = "wb config validate"


@check("registry-unreadable", "no command knows which instances there are")
def find_unreadable_registry(facts: Facts) -> Iterator[Sign]:
    """The registry file cannot be read."""
    if facts.registry_error:
        error = facts.registry_error
        yield Sign(Severity.CRITICAL, error.message, VALIDATE, error.hint)


@check("entry-refused", "no command runs, restarts or changes the instance")
def find_refused_entries(facts: Facts) -> Iterator[Sign]:
    """An entry breaks a rule, and nothing of its instance runs."""
    for entry in facts.refused:
        if not _runs(facts, entry):
            yield _describe(entry, f"the entry is refused: {entry.problem}")


@check("refused-runs", "it serves its users, and once it is stopped it does not come back")
def find_refused_that_run(facts: Facts) -> Iterator[Sign]:
    """An entry is refused whose instance runs."""
    for entry in facts.refused:
        if _runs(facts, entry):
            yield _describe(entry, f"it runs, and its entry is refused: {entry.problem}")


def _runs(facts: Facts, entry: RefusedEntry) -> bool:
    return entry.id is not None and any(facts.containers_of(entry.id))


def _describe(entry: RefusedEntry, what: str) -> Sign:
    command = entry.remedy.split("`")[1]
    advice = "" if entry.instance_id else entry.remedy
    return of_instance(entry.title, Severity.WARNING, what, command, advice)


@check(
    "field-unknown",
    "wb keeps the field and does nothing with it, so a slip of the pen changes nothing",
)
def find_unknown_fields(facts: Facts) -> Iterator[Sign]:
    """An entry has a field that wb does not know."""
    for doubt in facts.doubts:
        if doubt.field and _is_chosen(facts, doubt.id):
            what, _, advice = doubt.text.partition(". ")
            command = f"wb config unset {{id}} {doubt.field}"
            yield of_instance(doubt.id, Severity.NOTICE, what, command, advice)


@check("variable-overrides", "the platform loses its database, or what it is told by wb")
def find_overriding_variables(facts: Facts) -> Iterator[Sign]:
    """An entry sets a variable that wb sets itself."""
    for doubt in facts.doubts:
        if doubt.variable and _is_chosen(facts, doubt.id):
            command = f"wb config unset {{id}} env.{doubt.variable} && wb run {{id}}"
            yield of_instance(doubt.id, Severity.WARNING, doubt.text, command)


def _is_chosen(facts: Facts, instance_id: str) -> bool:
    chosen = {known.instance.id for known in facts.known}
    return instance_id in chosen | {entry.id for entry in facts.refused}


@check("setting-overridden", "wb does something else from cron, or in another shell")
def find_overridden_settings(facts: Facts) -> Iterator[Sign]:
    """The environment decides a setting although a file says otherwise."""
    for name in facts.overridden:
        what = f"{name} in the environment overrides what a file of settings says"
        yield Sign(Severity.NOTICE, what, f"unset {name}", "Keep it if it is meant.")
