"""Run a command inside a container on given streams, and leave nothing of it behind."""

from __future__ import annotations

import time
from contextlib import closing, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from wb_cli.engine.docker.client import docker_errors
from wb_cli.engine.docker.command_end import make_ending, make_mark
from wb_cli.engine.docker.session import Connection, converse
from wb_cli.errors import EngineError, EngineUnreachableError, WbError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from wb_cli.engine.base import Streams, Surroundings, Terminal

# The engine may answer before the command runs, and refuses to give it a size until then.
RESIZE_TRIES, RESIZE_AGAIN_S = 10, 0.05


def run_command(
    api: Any,
    container: str,
    command: Sequence[str],
    streams: Streams,
    surroundings: Surroundings,
) -> int:
    """See :meth:`wb_cli.engine.base.Engine.converse`."""
    mark = make_mark()
    with docker_errors():
        made = api.exec_create(
            container,
            list(command),
            stdin=streams.source is not None,
            tty=streams.terminal is not None,
            user=surroundings.user,
            workdir=surroundings.workdir or None,
            environment=[*surroundings.environment, mark],
        )["Id"]
        started = api.exec_start(made, tty=streams.terminal is not None, socket=True)
    try:
        with closing(Connection(started)) as connection, _lending(api, streams.terminal, made):
            converse(connection, streams)
    except EngineUnreachableError:
        raise
    except BaseException:
        _end_command(api, container, mark, surroundings.user)
        raise
    with docker_errors():
        code = api.exec_inspect(made)["ExitCode"]
    if code is None:
        raise EngineError(f"the engine has left {command[0]}, which may still be running")
    return int(code)


def _lending(api: Any, terminal: Terminal | None, made: str) -> AbstractContextManager[None]:
    def resize(lines: int, columns: int) -> None:
        for _ in range(RESIZE_TRIES):
            with suppress(WbError), docker_errors():  # it may not run yet, or have ended
                api.exec_resize(made, height=lines, width=columns)
                return
            time.sleep(RESIZE_AGAIN_S)

    return terminal.lent(resize) if terminal else nullcontext()


def _end_command(api: Any, container: str, mark: str, user: str) -> None:
    """End a command. Nothing can be done if the container has no shell, or has ended."""
    with suppress(WbError), docker_errors():
        made = api.exec_create(container, make_ending(mark), user=user)["Id"]
        api.exec_start(made)
