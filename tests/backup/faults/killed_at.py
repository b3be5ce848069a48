"""`wb`, killed with signal 9 in the middle of its work: python killed_at.py HOW MOMENT WORDS...

HOW is `kill`, or `lose`: then wb lives on and its engine is gone. `end:N` ends the process with
that number, `fill:FILE` the room on the disk where the file is, and `cut:LABEL` the containers of
the tasks that have this label. A MOMENT is a step with `before`, `created`, `amid` or `after` in
front, such as `amid in`. `created` is when the container of a task is there and not started, `amid`
when its program has begun. A step that comes again has a number.

`python killed_at.py list FILE WORDS...` kills nothing, and writes the names of the tasks there.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import docker
import requests
from docker.api.client import APIClient

from wb_cli.cli.app import run
from wb_cli.engine.docker import docker_engine, task
from wb_cli.engine.docker.docker_engine import DockerEngine
from wb_cli.engine.task import LABEL_TASK, TaskSpec
from wb_cli.lifecycle import actions

T = TypeVar("T")
_, HOW, MOMENT, *WORDS = sys.argv


def lose(*_: Any, **__: Any) -> Any:
    raise requests.exceptions.ConnectionError("the engine is gone")


def reach(moment: str) -> None:
    """End wb, or its engine, if this is the moment."""
    if moment != MOMENT:
        return
    how, _, what = HOW.partition(":")
    match how:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "end":
            os.kill(int(what), signal.SIGKILL)
        case "fill":
            fill(Path(what))
        case "cut":
            cut(what)
        case "lose":
            setattr(APIClient, "send", lose)  # noqa: B010


def fill(path: Path) -> None:
    """Write a file until the disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(2**20))


def cut(label: str) -> None:
    """Kill the containers of tasks. One may have ended just now."""
    with closing(docker.from_env()) as client:
        listed = client.containers.list(filters={"label": [LABEL_TASK, label]}, ignore_removed=True)
        for container in listed:
            with suppress(docker.errors.APIError):
                container.kill()


def around(name: str, call: Callable[[], T]) -> T:
    reach(f"before {name}")
    answer = call()
    reach(f"after {name}")
    return answer


def name_task(spec: TaskSpec) -> str:
    """Name the step that a task is."""
    program, *words = spec.command
    if "WB_PASSWORD" in spec.secrets:
        return "password"
    if program == "restic":
        return name_restic(words)
    if program != "sh":
        return program
    _, script, *more = words
    if more:
        return more[-1] if more[0] in {"exchange", "move"} else more[0]
    return next((name for sign, name in SIGNS.items() if sign in script), "script")


def name_restic(words: list[str]) -> str:
    verb = next(word for word in words if not word.startswith("-"))
    if verb == "restore":
        source = next(word for word in words if ":/backup" in word)
        return f"fetch {source.partition(':/backup')[2].strip('/') or 'sample'}"
    return f"store {words[-1].strip('/')}" if verb == "backup" else verb


def add_task(spec: TaskSpec) -> str:
    name = name_task(spec)
    count = sum(task.split(" (")[0] == name for task in running) + 1
    running.append(name if count == 1 else f"{name} ({count})")
    return running[-1]


# What the scripts without a name are known by.
SIGNS = {"pg_verifybackup": "examine", "rm -rf": "remove", "find ": "read", "mkdir": "cache"}
run_task, send, start, stop = task.run_task, task._send, DockerEngine.start, DockerEngine.stop
stop_all, start_container = actions.stop, APIClient.start
running: list[str] = []
started: list[str] = []


def run_task_and_die(api: Any, spec: TaskSpec, *others: Any) -> Any:
    return around(add_task(spec), lambda: run_task(api, spec, *others))


def start_container_and_die(api: Any, *others: Any, **options: Any) -> Any:
    if running:
        reach(f"created {running[-1]}")
    return start_container(api, *others, **options)


def send_and_die(connection: Any, data: bytes) -> None:
    send(connection, data)
    reach(f"amid {running[-1]}")


def start_and_die(engine: DockerEngine, container: str) -> None:
    start(engine, container)
    started.append(container)
    reach(f"after start {len(started)}")


def stop_and_die(engine: DockerEngine, container: str, timeout: int) -> int | None:
    answer = stop(engine, container, timeout)
    reach("amid stop")
    return answer


def stop_all_and_die(*arguments: Any, **options: Any) -> Any:
    return around("stop", lambda: stop_all(*arguments, **options))


if __name__ == "__main__":
    setattr(docker_engine, "run_task", run_task_and_die)  # noqa: B010
    setattr(task, "_send", send_and_die)  # noqa: B010
    setattr(DockerEngine, "start", start_and_die)  # noqa: B010
    setattr(DockerEngine, "stop", stop_and_die)  # noqa: B010
    setattr(actions, "stop", stop_all_and_die)  # noqa: B010
    setattr(APIClient, "start", start_container_and_die)  # noqa: B010
    code = run(WORDS)
    if HOW == "list":
        Path(MOMENT).write_text("\n".join(running))
    sys.exit(code)
