"""Read what the engine still has of a container that ended badly: its state and its log."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker import read
from wb_cli.engine.docker.client import docker_errors
from wb_cli.engine.remains import HealthCheck, Remains
from wb_cli.errors import EngineError, EngineUnreachableError
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_remains(api: Any, container: str, lines: int, at_most: int) -> Remains:
    """Read the remains of a container, with the last lines and bytes of its log.

    Raises:
        NotFoundError: it is gone.
    """
    with docker_errors():
        inspected = api.inspect_container(container)
    try:
        log, problem = _read_log(api, container, lines, at_most), ""
    except EngineUnreachableError:
        raise
    except EngineError as error:  # its log driver may not let anybody read
        log, problem = "", error.message
    return _make_remains(inspected, log, problem)


def _read_log(api: Any, container: str, lines: int, at_most: int) -> str:
    """Read the end of a log. It takes little more than ``at_most`` bytes of memory.

    A log that is cut begins with a whole line: the rest of a secret could not be recognised.
    """
    kept: deque[bytes] = deque()
    size, is_cut = 0, False
    with docker_errors():
        for piece in api.logs(container, timestamps=True, tail=lines, stream=True, follow=False):
            kept.append(piece)
            size += len(piece)
            while size > at_most:
                size -= len(kept.popleft())
                is_cut = True
    log = b"".join(kept)
    return (log.partition(b"\n")[2] if is_cut else log).decode(errors="replace")


def _make_remains(inspected: Mapping[str, Any], log: str, problem: str) -> Remains:
    state, config = inspected["State"], inspected["Config"]
    checks = (state.get("Health") or {}).get("Log") or ()
    pairs = (variable.partition("=") for variable in config.get("Env") or ())
    command = (inspected.get("Path"), *(inspected.get("Args") or ()))
    return Remains(
        detail=read.detail(inspected),
        image=config["Image"],
        image_id=inspected["Image"],
        created_at=inspected["Created"],
        error=state.get("Error") or "",
        command=tuple(filter(None, command)),
        environment={name: Secret(value) for name, _, value in pairs},
        mounts=tuple(
            f"{mount.get('Source')}:{mount.get('Destination')}"
            for mount in inspected.get("Mounts") or ()
        ),
        memory=inspected["HostConfig"].get("Memory") or 0,
        health_log=tuple(
            HealthCheck(check["End"], check["ExitCode"], check["Output"]) for check in checks
        ),
        log=log,
        log_problem=problem,
    )
