"""A command of wb on a pseudo-terminal, for what works inside a container."""

import sys
import termios
from typing import Any

import pexpect
from support.services import wait_until
from support.wb_host import COMMAND_S, Host

WHERE_IS_THE_CURSOR = r"\x1b\[6n"


class Session:
    """A command of wb on a pseudo-terminal of 40 lines and 100 columns, which stays open."""

    def __init__(self, host: Host, *words: str) -> None:
        self.child: Any = pexpect.spawn(
            sys.executable,
            ["-m", "wb_cli", *words],
            env=host.environ,
            cwd=host.root,
            dimensions=(40, 100),
            # Set the size before the command begins: a quick command may end before a later change.
            preexec_fn=lambda: termios.tcsetwinsize(1, (40, 100)),
            encoding="utf-8",
            timeout=COMMAND_S,
        )
        self.child.ptyproc.delayafterclose = 0.01
        self.child.delaybeforesend = None

    def type(self, text: str) -> None:
        self.child.send(text)

    def until(self, pattern: str) -> None:
        """Wait for output. Answer as a terminal does when it is asked where its cursor is."""
        while self.child.expect([pattern, WHERE_IS_THE_CURSOR]):
            self.child.send("\x1b[1;100R")

    @property
    def is_raw(self) -> bool:
        return not self._local_modes & termios.ICANON

    @property
    def _local_modes(self) -> int:
        return int(termios.tcgetattr(self.child.child_fd)[3])

    def end(self) -> int:
        """Wait for the end, check that the terminal is restored, and return the exit code."""
        wait_until(lambda: not self.child.isalive(), "the end of wb")
        assert not self.is_raw
        assert self._local_modes & termios.ECHO
        assert self.child.exitstatus is not None, self.child.signalstatus
        return int(self.child.exitstatus)

    def close_terminal(self) -> None:
        """Close the terminal itself, as when its window is closed."""
        self.child.ptyproc.fileobj.close()
        self.child.closed = self.child.ptyproc.closed = True

    def close(self) -> None:
        self.child.close(force=True)
