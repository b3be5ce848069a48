"""The files that back up, prove and forget by the clock. Their texts are pure.

Where systemd runs the machine, each job is a service with a timer. Elsewhere all jobs stand in one
file of cron.
"""

from __future__ import annotations

import shlex
import zlib
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import WbError
from wb_cli.host import cron, systemd
from wb_cli.host.engine_service import has_systemd
from wb_cli.instances.files import write_atomically
from wb_cli.instances.host_settings.setting import ENV_FILE
from wb_cli.instances.selectors import HERE, ON
from wb_cli.provision import own_files
from wb_cli.provision.own_files import REGISTRY, Caller, Found, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ENGINE_UNIT = "docker.service"
MARK = "# Made by `wb backup schedule`; `wb backup schedule --remove` removes it."
REMOVE = "backup schedule --remove"
# Variables that are no settings of wb, such as the keys of S3, by the name of their file.
VARIABLES_FILE = "backup.env"
# Hosts that share a repository should not all begin at once.
SPREAD_S = 3600
# cron does not do later what the machine slept through. So once an hour it looks whether a job is
# overdue: so many hours more than a day or a week have passed since it began last.
OVERDUE_AFTER_H = 2
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Job(Struct, frozen=True):
    """What is done by the clock: ``day`` is a day of the week, or empty for each day."""

    name: str
    title: str
    words: tuple[str, ...]
    hours_later: int = 0
    day: str = ""

    @property
    def stamp(self) -> Path:
        """The file whose time says when it began last, where cron starts it."""
        return cron.STAMPS / self.name

    @property
    def overdue_minutes(self) -> int:
        """How long after its last beginning it is overdue. A day may have 25 hours."""
        return ((7 if self.day else 1) * 24 + OVERDUE_AFTER_H) * 60


JOBS = (
    # What was stopped stays stopped: it was backed up while it ran.
    Job("wb-backup", "Back up the instances of wb", ("make", f"{ON}{HERE}", "--present")),
    Job("wb-backup-prove", "Prove the backups of wb", ("prove",), 3, "Sun"),
    Job("wb-backup-forget", "Forget old backups of wb", ("forget", "--yes"), 3, "Sat"),
)
WAITS = ("--wait", "4h")


class Schedule(Caller, frozen=True):
    """When wb backs up. ``hour`` and ``minute`` are those of each day; ``host`` spreads cron's."""

    hour: int = 1
    minute: int = 0
    host: str = ""

    @property
    def variables_file(self) -> Path:
        """The file of the variables that a repository elsewhere needs."""
        return self.settings.config_file.parent / VARIABLES_FILE

    def describe_units(self) -> dict[str, str]:
        """Write the text of each unit, by its name."""
        units = {}
        for job in JOBS:
            units[f"{job.name}.service"] = _join(self._describe_service(job))
            units[f"{job.name}.timer"] = _join(self._describe_timer(job))
        return units

    def describe_cron(self) -> str:
        """Write the file of cron."""
        return _join(
            [
                MARK,
                f"{REGISTRY}{self.settings.servers_file}",
                "SHELL=/bin/sh",
                f"PATH={PATH}",
                *(entry for job in JOBS for entry in self._describe_entries(job)),
            ]
        )

    def _make_words(self, job: Job) -> list[str]:
        return self.make_command("backup", *job.words, *WAITS)

    def _find_hour(self, job: Job) -> int:
        return (self.hour + job.hours_later) % 24

    def _describe_service(self, job: Job) -> Iterator[str]:
        mounts = dict.fromkeys(map(str, self.list_folders()))
        words = self._make_words(job)
        yield MARK
        yield f"{REGISTRY}{self.settings.servers_file}"
        yield "[Unit]"
        yield f"Description={job.title}"
        yield from [] if self.list_engine_choices() else [f"Requires={ENGINE_UNIT}"]
        yield f"After={ENGINE_UNIT} network-online.target"
        yield "Wants=network-online.target"
        yield f"RequiresMountsFor={' '.join(systemd.quote(path) for path in mounts)}"
        yield ""
        yield "[Service]"
        yield "Type=oneshot"
        yield "Nice=15"
        yield "IOSchedulingClass=idle"
        yield from (f"Environment={systemd.quote(text)}" for text in self.list_variables())
        yield f"EnvironmentFile=-{systemd.quote_path(self.variables_file)}"
        yield f"ExecStart={' '.join(systemd.quote_argument(word) for word in words)}"

    def _describe_timer(self, job: Job) -> Iterator[str]:
        day = f"{job.day} " if job.day else ""
        yield MARK
        yield f"{REGISTRY}{self.settings.servers_file}"
        yield "[Unit]"
        yield f"Description={job.title}, by the clock"
        yield ""
        yield "[Timer]"
        yield f"OnCalendar={day}*-*-* {self._find_hour(job):02}:{self.minute:02}:00"
        yield f"RandomizedDelaySec={SPREAD_S}"
        yield "FixedRandomDelay=true"
        yield "# What the machine slept through is done when it is up again."
        yield "Persistent=true"
        yield ""
        yield "[Install]"
        yield f"WantedBy={systemd.TIMERS}"

    def _describe_entries(self, job: Job) -> Iterator[str]:
        """Write the line of a job, and the one that does it later if it did not begin in time."""
        # cron knows no delay by chance, so each host begins at a minute of its own.
        minute = (self.minute + zlib.crc32(self.host.encode())) % 60
        stamp = shlex.quote(str(job.stamp))
        note = f"mkdir -p {shlex.quote(str(job.stamp.parent))} && touch {stamp}"
        is_overdue = f'[ -n "$(find {stamp} -mmin +{job.overdue_minutes})" ]'
        do, day = self._describe_call(job), job.day.lower() or "*"
        yield f"{minute} {self._find_hour(job)} * * {day} root {_escape(f'{note}; {do}')}"
        # Without a stamp nothing is overdue yet: the time counts from now on.
        later = f"[ -e {stamp} ] || {{ {note}; }}; if {is_overdue}; then touch {stamp}; {do}; fi"
        yield f"{(minute + 30) % 60} * * * * root {_escape(later)}"

    def _describe_call(self, job: Job) -> str:
        variables = " ".join(shlex.quote(text) for text in self.list_variables())
        file = shlex.quote(str(self.variables_file))
        command = shlex.join(self._make_words(job))
        return f"set -a; [ ! -r {file} ] || . {file}; nice -n 15 env {variables} {command}"


def _escape(command: str) -> str:
    """Escape what cron takes for the end of a command."""
    return command.replace("%", "\\%")


def _join(lines: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def list_files(schedule: Schedule) -> dict[Path, str]:
    """List the files that belong on this machine, with their texts."""
    if has_systemd():
        return {systemd.UNITS / name: text for name, text in schedule.describe_units().items()}
    return {cron.FOLDER / cron.BACKUP: schedule.describe_cron()}


def look(files: Mapping[Path, str]) -> dict[Path, Found]:
    """Look how each file stands."""
    return {
        path: judge(own_files.read(path), text, is_enabled=_is_enabled(path))
        for path, text in files.items()
    }


def _is_enabled(path: Path) -> bool:
    is_timer = path.suffix == ".timer"
    return not is_timer or systemd.is_enabled(path.name, path.parent, systemd.TIMERS)


def install(schedule: Schedule, needed: Sequence[str], *, dry_run: bool) -> dict[Path, Found]:
    """Write the files and start the timers. It is safe to repeat. Return how they stood before.

    ``needed`` are the variables of this shell that a repository elsewhere needs.

    Raises:
        WbError: neither systemd nor cron is there, the user is not root, or a file of somebody else
            has the name of one.
    """
    files = list_files(schedule)
    found = look(files)
    _refuse_others(found)
    _refuse_lost(schedule, needed)
    if dry_run or set(found.values()) == {Found.CURRENT}:
        return found
    for path in files:
        own_files.require_root(path)
        if not path.parent.is_dir():
            raise WbError(
                f"neither systemd nor cron is on this machine: there is no {path.parent}",
                "Install cron, or call `wb backup all` by what starts jobs here.",
            )
    for path, text in files.items():
        write_atomically(path, text.encode())
    if timers := _list_timers(files):
        systemd.start_timers(*timers)
    return found


def remove(schedule: Schedule, *, dry_run: bool) -> dict[Path, Found]:
    """Stop the timers and remove the files. Return how they stood before."""
    files = list_files(schedule)
    seen = look(files)
    found = {path: seen[path] for path in files if seen[path] is not Found.ABSENT}
    _refuse_others(found)
    if dry_run or not found:
        return found
    for path in found:
        own_files.require_root(path)
    if timers := _list_timers(found):
        systemd.stop_timers(*timers)
    for path in (*found, *(job.stamp for job in JOBS)):
        own_files.unlink(path)
    if has_systemd():
        systemd.reload()
    return found


def _list_timers(paths: Mapping[Path, object]) -> list[str]:
    return [path.name for path in paths if path.suffix == ".timer"]


def _refuse_others(found: Mapping[Path, Found]) -> None:
    for path, state in found.items():
        own_files.refuse_others(path, state, f"cat {path}", REMOVE)


def _refuse_lost(schedule: Schedule, needed: Sequence[str]) -> None:
    """Refuse where a secret would be missing when the job is started."""
    env_file = schedule.settings.config_file.parent / ENV_FILE
    own_files.refuse_lost_secrets(schedule.find_lost_secrets(), env_file, "at that hour")
    written = (own_files.read(schedule.variables_file) or "").splitlines()
    names = {line.partition("=")[0].strip() for line in written}
    lost = [name for name in needed if name not in names]
    own_files.refuse_lost_secrets(lost, schedule.variables_file, "at that hour")
