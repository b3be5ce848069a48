"""Checks of what the kernel of this machine counts and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.finding import Severity, Sign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.host.kernel import Usage
    from wb_cli.observe.doctor.facts import Facts

LITTLE_SHARE, NEXT_TO_NOTHING = 0.2, 0.05
# What systemd, the engine and others of root's services have besides those for containers.
INOTIFY_OF_OTHERS = 40
# The kernel keeps about 1 KiB for each of them, and only if it is used.
ENOUGH_INOTIFY = 1024


@check("files-low", "no server can take a connection or open a table when none is left")
def find_few_files(facts: Facts) -> Iterator[Sign]:
    """The machine may open few more files."""
    usage = facts.machine.open_files
    if usage and (severity := _judge(usage)):
        what = f"{usage.used:,} of {usage.most:,} files of the machine are open"
        advice = "And find who has them: `lsof -n | awk '{print $1}' | sort | uniq -c | sort -n`."
        yield Sign(severity, what, _set("fs.file-max", 4 * usage.most), advice)


@check("tasks-low", "no server can start a process or a thread when none is left")
def find_few_tasks(facts: Facts) -> Iterator[Sign]:
    """The machine may have few more processes and threads."""
    usage = facts.machine.tasks
    if usage and (severity := _judge(usage)):
        what = f"{usage.used:,} of {usage.most:,} processes and threads are there"
        most = 4 * usage.most
        command = f"{_set('kernel.pid_max', most)} && {_set('kernel.threads-max', most)}"
        yield Sign(severity, what, command, "And find who has them: `ps -eLf`.")


@check("inotify-low", "the engine then misses that a container ended for want of memory")
def find_few_inotify(facts: Facts) -> Iterator[Sign]:
    """The fleet has more containers than the engine can watch."""
    limit = facts.machine.inotify_limit
    needed = _count_containers(facts) + INOTIFY_OF_OTHERS
    if limit is not None and needed > limit:
        what = (
            f"fs.inotify.max_user_instances is {limit}, and the engine needs about {needed} once "
            "all instances run"
        )
        command = _set("fs.inotify.max_user_instances", max(ENOUGH_INOTIFY, 2 * needed))
        yield Sign(Severity.NOTICE, what, command)


def _count_containers(facts: Facts) -> int:
    """Count the containers of others, and those of all declared instances."""
    declared = facts.registry.instances
    ids = {instance.id for instance in declared}
    others = sum(c.is_active for c in facts.observed.containers if c.instance not in ids)
    return others + sum(len(instance.parts) for instance in declared)


def _judge(usage: Usage) -> Severity | None:
    if usage.left < NEXT_TO_NOTHING * usage.most:
        return Severity.CRITICAL
    return Severity.WARNING if usage.left < LITTLE_SHARE * usage.most else None


def _set(name: str, value: int) -> str:
    """A command that sets a value of the kernel now and after each reboot."""
    file = f"/etc/sysctl.d/60-wb-{name.replace('.', '-').replace('_', '-')}.conf"
    return f"echo {name}={value} > {file} && sysctl -p {file}"
