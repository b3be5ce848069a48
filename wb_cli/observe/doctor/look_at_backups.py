"""Ask what wb knows of the backups of each instance. The repository itself is not asked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from wb_cli.errors import WbError
from wb_cli.lifecycle.options import Verb
from wb_cli.lifecycle.record.beside_registry import find_history
from wb_cli.observe.history import Stage, read_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from wb_cli.observe.backups import Backups, BackupStatus
    from wb_cli.observe.doctor.facts import Facts
    from wb_cli.observe.doctor.gather import Job, Question
    from wb_cli.observe.history import PastCommand

T = TypeVar("T")

BACKUPS, LAST_BACKUP = "its backups", "how its last backup ended"
LAST_TRIAL = "whether the last trial of its backups ended"
COMMANDS_READ = 300


def ask_about_backups(facts: Facts, known: Backups) -> dict[Question, Job]:
    """The questions about backups. The history of an instance elsewhere is not on this machine."""
    jobs: dict[Question, Job] = {}
    for instance in (each.instance.id for each in facts.known):
        jobs[instance, BACKUPS] = partial(_find, known, instance)
        if facts.is_local:
            folder = find_history(facts.settings.servers_file)
            jobs[instance, LAST_BACKUP] = partial(_read, folder, instance, describe_failure)
            jobs[instance, LAST_TRIAL] = partial(_read, folder, instance, is_trial_cut_off)
    return jobs


def _find(known: Backups, instance: str) -> BackupStatus | None:
    found = known.find(instance)
    if isinstance(found, WbError):
        raise found
    return found


def _read(folder: Path, instance: str, judge: Callable[[Iterable[PastCommand]], T]) -> T:
    return judge(read_history(folder, [instance], COMMANDS_READ))


def describe_failure(commands: Iterable[PastCommand]) -> str:
    """Say how the last backup ended, if that was badly; "" if not. Pure."""
    last = _find_last(commands, Verb.BACKUP)
    if last is None or (last.end and not last.has_failed):
        return ""
    if last.end is None:
        return "did not end: wb was killed"
    return f"failed: {last.end.error}" if last.end.error else "failed"


def is_trial_cut_off(commands: Iterable[PastCommand]) -> bool:
    """Whether wb was killed at the last trial. Pure."""
    last = _find_last(commands, Verb.PROVE)
    return last is not None and last.end is None


def _find_last(commands: Iterable[PastCommand], verb: Verb) -> PastCommand | None:
    """Find the last command of a verb that is not at work."""
    made = [command for command in commands if command.begin.verb == verb]
    return next((each for each in reversed(made) if each.stage is not Stage.UNDER_WAY), None)
