"""Run programs of this machine. No other module starts processes."""

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from wb_cli.errors import WbError

LAST_LINES = 6


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a program without input until it ends. ``env`` is added to the environment.

    Raises:
        WbError: the program is not installed, took too long, or failed. The error shows the last
            lines of its output.
    """
    process = _start(argv, env)
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise WbError(f"`{shlex.join(argv)}` did not end within {timeout:g} s") from None
    except BaseException:
        _kill(process)
        raise
    if process.returncode != 0:
        output = stderr.strip() or stdout.strip()
        raise WbError(_describe_failure(argv, process.returncode, output))


class Background(Struct, frozen=True):
    """A program that runs on after wb has ended."""

    pid: int

    def is_running(self) -> bool:
        """Whether it still runs."""
        try:
            return os.waitpid(self.pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:  # an earlier call has already seen its end
            return False


def start_in_background(argv: Sequence[str], log: Path) -> Background:
    """Start a program that runs on after wb has ended. Its output is appended to ``log``.

    Raises:
        WbError: the program is not installed, or the log cannot be written.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            streams = (
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
            )
            # Popen would warn that its program still runs when wb ends.
            pid = os.posix_spawnp(
                argv[0], list(argv), os.environ, file_actions=streams, setsid=True
            )
    except OSError as error:
        raise WbError(f"cannot start `{shlex.join(argv)}`: {error}") from error
    return Background(pid)


def _start(argv: Sequence[str], env: Mapping[str, str] | None) -> subprocess.Popen[str]:
    try:
        # The program gets its own session, so that a kill also reaches the programs it started.
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    except FileNotFoundError:
        raise WbError(f"{argv[0]} is not installed") from None
    except OSError as error:
        raise WbError(f"cannot start `{shlex.join(argv)}`: {error}") from error


def _kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _describe_failure(argv: Sequence[str], exit_code: int, output: str) -> str:
    last = "\n".join(output.splitlines()[-LAST_LINES:])
    return f"`{shlex.join(argv)}` failed (exit code {exit_code}): {last or 'it said nothing'}"
