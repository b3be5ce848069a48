"""`wb`, killed with signal 9 instead of its Nth deletion: python killed_deleting.py N WORDS...

A deletion is that of a file or a folder, or a request to the engine to delete something.
"""

import itertools
import os
import signal
import sys
from typing import Any

import docker.client
from docker.api.client import APIClient

from wb_cli.cli.app import run

DELETIONS = itertools.count(1)
_, FATAL, *WORDS = sys.argv


def count_deletion() -> None:
    if next(DELETIONS) == int(FATAL):
        os.kill(os.getpid(), signal.SIGKILL)


class Client(APIClient):
    """The SDK's client, which also counts deletions."""

    def send(self, request: Any, **options: Any) -> Any:
        if request.method == "DELETE":
            count_deletion()
        return super().send(request, **options)


def hear(event: str, _: tuple[Any, ...]) -> None:
    if event in {"os.remove", "os.rmdir"}:
        count_deletion()


if __name__ == "__main__":
    sys.addaudithook(hear)
    setattr(docker.client, "APIClient", Client)  # noqa: B010  (the stubs do not know it)
    sys.exit(run(WORDS))
