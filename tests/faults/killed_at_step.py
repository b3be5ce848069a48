"""`wb`, killed with signal 9 at a step: python killed_at_step.py before|after N WORDS...

A step is a request that changes something on the engine, or the moment in which a file gets its new
content or goes away: the registry file, the secrets, and the records of what is under way.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import docker.client
from docker.api.client import APIClient

from wb_cli.cli.app import run

T = TypeVar("T")
_, MOMENT, FATAL, *WORDS = sys.argv
STEPS = itertools.count(1)


def take_step(do: Callable[[], T]) -> T:
    """Take a step, and die before or after it if it is the fatal one."""
    is_fatal = next(STEPS) == int(FATAL)
    if is_fatal and MOMENT == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = do()
    if is_fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer


class Client(APIClient):
    """The SDK's client, whose changing requests are steps."""

    def send(self, request: Any, **options: Any) -> Any:
        if request.method == "GET":
            return super().send(request, **options)
        send = super().send
        return take_step(lambda: send(request, **options))


def make_step(name: str) -> None:
    """Make a function of the operating system a step."""
    do = getattr(os, name)
    setattr(os, name, lambda *words, **options: take_step(lambda: do(*words, **options)))


if __name__ == "__main__":
    for name in ("replace", "unlink", "rmdir"):
        make_step(name)
    setattr(docker.client, "APIClient", Client)  # noqa: B010  (the stubs do not know it)
    sys.exit(run(WORDS))
