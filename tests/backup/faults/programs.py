"""The programs that work for wb in the containers of tasks: found, and killed."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from backup.site import Site
from docker.errors import APIError
from support.services import wait_until
from support.wb_host import COMMAND_S


class Process(NamedTuple):
    """A process in the container of a task, with its number on the machine."""

    number: int
    command: str


def list_processes(site: Site) -> Iterator[Process]:
    """List what runs in the containers of tasks."""
    for task in site.tasks():
        with suppress(APIError):  # it has ended meanwhile
            found = task.top(ps_args="-eo pid,args")
            for number, command in found["Processes"] or ():
                yield Process(int(number), command)


def find(site: Site, pattern: str) -> int:
    """The number of the process whose command matches; 0 if there is none."""
    found = (each.number for each in list_processes(site) if re.search(pattern, each.command))
    return next(found, 0)


def end(
    site: Site, pattern: str, *words: str, worked_s: float = 0, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a command, and kill a program that works for it."""

    def kill() -> None:
        wait_until(lambda: find(site, pattern), f"{pattern} works")
        time.sleep(worked_s)  # what it does in that time is its own
        wait_until(lambda: kill_if_there(find(site, pattern)), f"{pattern} is killed")

    return end_by(site, kill, *words, **environ)


def kill_if_there(number: int) -> bool:
    with suppress(ProcessLookupError):  # it has ended meanwhile
        if number:
            os.kill(number, signal.SIGKILL)
            return True
    return False


def end_by(
    site: Site, kill: Callable[[], object], *words: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    with site.under(environ).started(*words) as process:
        kill()
        answer, talk = process.communicate(timeout=COMMAND_S)
    return subprocess.CompletedProcess(words, process.returncode, answer, talk)
