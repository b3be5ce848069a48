"""`wb`, killed with signal 9 at a request: python killed_wb.py before|during|after N WORDS...

N counts the requests that change something on the engine. `before` dies instead of sending it,
`during` while the engine works on it, `after` when its answer has come.
"""

import itertools
import os
import signal
import sys
import threading
from typing import Any

import docker.client
from docker.api.client import APIClient

from wb_cli.cli.app import run

UNTIL_THE_ENGINE_HAS_IT_S = 0.002


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Client(APIClient):
    """The SDK's client, which also counts requests."""

    moment, fatal = "", 0
    requests = itertools.count(1)

    def send(self, request: Any, **options: Any) -> Any:
        is_fatal = request.method != "GET" and next(self.requests) == self.fatal
        if is_fatal and self.moment == "before":
            die()
        if is_fatal and self.moment == "during":
            threading.Timer(UNTIL_THE_ENGINE_HAS_IT_S, die).start()
        answer = super().send(request, **options)
        if is_fatal:
            die()
        return answer


if __name__ == "__main__":
    _, Client.moment, fatal, *words = sys.argv
    Client.fatal = int(fatal)
    setattr(docker.client, "APIClient", Client)  # noqa: B010  (the stubs do not know it)
    sys.exit(run(words))
