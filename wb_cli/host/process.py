"""Run programs of this machine. No other module starts processes."""

import os
import shlex
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from wb_cli.errors import WbError

LAST_LINES = 6
KEPT_LINES = 40
ENDS_WITHIN_S = 5.0
# The shell's input is a pipe that wb holds open. It ends when wb ends, also when wb is killed. Then
# the shell ends the program, and removes the program's folder.
TIED_TO_WB = """
folder=$1
shift
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ read -r _ <&3; kill "$program"; } >/dev/null 2>&1 &
watcher=$!
wait "$program"
code=$?
kill "$watcher" 2>/dev/null
rm -rf "$folder"
exit "$code"
"""


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
    said = ask(argv, timeout=timeout, env=env)
    if said.exit_code != 0:
        output = said.stderr.strip() or said.stdout.strip()
        raise WbError(_describe_failure(argv, said.exit_code, output))


class NotInstalledError(WbError):
    """There is no such program on this machine."""


class Said(Struct, frozen=True):
    """The exit code of a program that has ended, and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str


def ask(
    argv: Sequence[str],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    text: str | None = None,
) -> Said:
    """Run a program until it ends, and give what it said, also if it failed.

    ``text`` is its input. Without one, it has none.

    Raises:
        NotInstalledError: there is no such program.
        WbError: the program took too long.
    """
    process = _start(argv, env, has_input=text is not None)
    try:
        stdout, stderr = process.communicate(text, timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise WbError(f"`{shlex.join(argv)}` did not end within {timeout:g} s") from None
    except BaseException:
        _kill(process)
        raise
    return Said(process.returncode, stdout, stderr)


def run_on_terminal(argv: Sequence[str]) -> int:
    """Run a program that has wb's own terminal, such as an editor. Return its exit code.

    Ctrl-C on that terminal is the program's affair. Any other signal ends the program, too.

    Raises:
        WbError: the program is not installed.
    """
    with _starting(argv), _leaving_keys_to_the_program():
        process = subprocess.Popen(argv)
        try:
            return process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise


@contextmanager
def _leaving_keys_to_the_program() -> Iterator[None]:
    # The program gets the default handlers back, as a handler does not pass to another program.
    keys = (signal.SIGINT, signal.SIGQUIT)
    before = {number: signal.signal(number, lambda *_: None) for number in keys}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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


class Tied:
    """A program that runs beside wb and ends with wb, however wb ends.

    ``folder`` is the program's own. It is removed when the program has ended.

    Raises:
        WbError: the program cannot be started.
    """

    def __init__(self, argv: Sequence[str], folder: Path) -> None:
        self._words: deque[str] = deque(maxlen=KEPT_LINES)
        with _starting(argv):
            self._process = subprocess.Popen(
                ["sh", "-c", TIED_TO_WB, "wb", str(folder), *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # after Ctrl-C, wb may need the program to clean up
            )
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        for line in self._process.stderr or ():
            self._words.append(line.rstrip())

    @property
    def words(self) -> tuple[str, ...]:
        """The last lines that the program wrote to its error output."""
        return tuple(self._words)

    def has_ended(self, within_s: float = 0.0) -> bool:
        """Whether the program has ended, or ends within some seconds."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        self._reader.join(within_s)
        return True

    def end(self) -> None:
        """End the program, and wait until it is gone."""
        if self._process.stdin:
            self._process.stdin.close()
        if not self.has_ended(ENDS_WITHIN_S):
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(ENDS_WITHIN_S)
        if self._process.stderr:
            self._process.stderr.close()


def read_exit_code(argv: Sequence[str], *, timeout: float) -> int | None:
    """Run a program without input, and give its exit code. ``None`` if it did not end in time.

    Raises:
        WbError: the program is not installed.
    """
    process = _start(argv, None)
    try:
        process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(process)
        return None
    except BaseException:
        _kill(process)
        raise
    return process.returncode


@contextmanager
def _starting(argv: Sequence[str]) -> Iterator[None]:
    """Turn the errors of a program that cannot be started into ones that name it."""
    try:
        yield
    except FileNotFoundError:
        raise NotInstalledError(f"{argv[0]} is not installed") from None
    except OSError as error:
        raise WbError(f"cannot start `{shlex.join(argv)}`: {error}") from error


def _start(
    argv: Sequence[str], env: Mapping[str, str] | None, *, has_input: bool = False
) -> subprocess.Popen[str]:
    with _starting(argv):
        # The program gets its own session, so that a kill also reaches the programs it started.
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )


def _kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _describe_failure(argv: Sequence[str], exit_code: int, output: str) -> str:
    last = "\n".join(output.splitlines()[-LAST_LINES:])
    return f"`{shlex.join(argv)}` failed (exit code {exit_code}): {last or 'it said nothing'}"
