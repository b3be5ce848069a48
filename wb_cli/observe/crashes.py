"""Read the black box: what is kept of the bad ends of an instance's containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from wb_cli.errors import WbError
from wb_cli.instances.files import file_errors
from wb_cli.lifecycle.record.beside_registry import find_history
from wb_cli.lifecycle.record.black_box import BlackBox, Crash, folder_of
from wb_cli.observe.history import read_history
from wb_cli.quantities import describe_age, describe_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wb_cli.contract import Part
    from wb_cli.engine.types import ContainerDetail, Observed
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.observe.history import PastCommand


COMMANDS_READ = 50


class Crashes(Struct, frozen=True):
    """The records of an instance, the oldest first. ``problems`` say which cannot be read."""

    records: tuple[Crash, ...] = ()
    problems: tuple[str, ...] = ()

    def of(self, *parts: Part) -> tuple[Crash, ...]:
        """The records of these parts; without a part, all."""
        return tuple(crash for crash in self.records if not parts or crash.part in parts)


def look_for_dead(
    fleet: Fleet,
    instance: str,
    observed: Observed,
    inspect: Callable[[str], ContainerDetail] | None = None,
) -> None:
    """Keep the ends of containers that ended badly since a command last looked.

    Without such containers this makes no call of the engine. A record that cannot be kept is left:
    a command that only looks does not fail for it. ``inspect`` asks the engine about a container; a
    caller that asks about the same ones gives its own, which remembers.
    """
    BlackBox(fleet, instance, lambda _: None, inspect).keep_dead(observed.containers)


def read_crashes(settings: Settings, instance: str) -> Crashes:
    """Read all records of an instance.

    Raises:
        WbError: the folder of the records cannot be read.
    """
    folder = folder_of(settings, instance)
    with file_errors(folder, "read"):
        try:
            paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return Crashes()
    records, problems = [], []
    for path in paths:
        try:
            records.append(_read(path))
        except WbError as error:
            problems.append(error.message)
    return Crashes(tuple(records), tuple(problems))


def describe_last_failure(settings: Settings, instance: str, since: str = "") -> str:
    """Say in one phrase how an instance failed last; empty if it did not fail after ``since``.

    ``failed 5m ago: exited 3; wb logs demo --failed``. Where no container of it ended badly, the
    last wb command may have failed before one was started. A failure is past once a later wb
    command did its work on the instance.
    """
    folder = find_history(settings.servers_file)
    try:
        records = read_crashes(settings, instance).records
        commands = read_history(folder, [instance], COMMANDS_READ)
    except WbError:
        return ""
    well = [c.begin.began for c in commands if c.is_done_well]
    if not records or records[-1].ended_at[:26] <= max(since, *well, "")[:26]:
        return _describe_failed_command(instance, commands, since)
    crash = records[-1]
    who = "" if crash.container == instance else f"{crash.part} "
    ago = describe_age(crash.ended_at)
    return f"{who}failed {ago} ago: {crash.how}; wb logs {instance} --failed"


def _describe_failed_command(instance: str, commands: Sequence[PastCommand], since: str) -> str:
    """Say why the last command on the containers failed: ``failed 5m ago: ...``."""
    acts = [command for command in commands if not command.is_of_entry]
    if not acts or not acts[-1].has_failed or acts[-1].begin.began <= since:
        return ""
    last = acts[-1]
    ago = describe_age(last.begin.began)
    # The id, before which the error says it again, stands at the head of the line.
    why = (last.end.error if last.end else "").removeprefix(f"{instance} was left as it is: ")
    return f"failed {ago} ago: {why}; `wb why {instance}` says more"


def describe(crash: Crash) -> str:
    """Say in one line which container ended when, and how."""
    again = f", restarted {crash.restart_count} times" if crash.restart_count else ""
    limit = f" (its limit: {describe_size(crash.memory_bytes)})" if crash.memory_bytes else ""
    how = f"{crash.how}{limit}" if crash.oom_killed else crash.how
    verb = "ended" if crash.finished_at else "failed"
    age = describe_age(crash.ended_at)
    return f"{crash.container} {verb} {age} ago, at {_shorten_time(crash.ended_at)}: {how}{again}"


def describe_facts(crash: Crash) -> list[str]:
    """Say what else the record has that explains the end, a line for each fact."""
    facts = [
        ("container", crash.container_id[:12]),
        ("image", crash.image),
        ("ran from", _shorten_time(crash.started_at)),
        ("found", crash.reason if crash.reason != crash.how else ""),
        ("engine", crash.error),
        ("log", crash.log_problem),
        *(
            (
                f"health check, {_shorten_time(check.at)}",
                f"{check.exit_code}: {check.output.strip()}",
            )
            for check in crash.health_log[-3:]
        ),
    ]
    return [f"{name}: {value}" for name, value in facts if value]


def take_lines(crash: Crash, count: int | None, *, has_times: bool = False) -> str:
    """Take the last lines of the log that was kept, or all."""
    lines = crash.log.splitlines(keepends=True)
    last = lines if count is None else lines[len(lines) - min(count, len(lines)) :]
    return "".join(last if has_times else (line.partition(" ")[2] for line in last))


def list_earlier(records: Sequence[Crash]) -> str:
    """List the ends before the last one, in a few words each; empty if there are none."""
    earlier = [
        f"{_shorten_time(crash.ended_at)} {crash.container} {crash.how}" for crash in records
    ]
    return "; ".join(reversed(earlier[:-1]))


def _read(path: Path) -> Crash:
    with file_errors(path, "read"):
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=Crash)
    except ValueError as error:
        raise WbError(f"{path} is damaged: {error}") from error


def _shorten_time(moment: str) -> str:
    """Leave out the fractions of a second."""
    return f"{moment[:19]}Z" if moment else ""
