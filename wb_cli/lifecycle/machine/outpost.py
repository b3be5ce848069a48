"""Ask the script on a machine elsewhere, one request at a time."""

from __future__ import annotations

import shlex
import threading
from contextlib import suppress
from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import EngineUnreachableError, WbError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wb_cli.engine.base import Channel

# The script ends after 20 s without a word.
BEAT_S = 5.0
# A slow disk may take its time. The script itself would end only without beats.
ANSWER_WITHIN_S = 60.0
NOT_INSTALLED = 127
TAKES = "take_"  # a request with this beginning takes a lock


class Reply(Struct, frozen=True):
    """The answer to a request: an exit code, and the text."""

    code: int
    text: str

    @property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return self.text.splitlines()


def read_script() -> tuple[str, ...]:
    """Give the command that runs the script."""
    script = files("wb_cli.lifecycle.machine").joinpath("outpost.sh").read_text()
    return ("/bin/sh", "-c", script, "wb-outpost")


class Outpost:
    """Asks the script on a machine. Several threads may ask. It is opened at the first request.

    All locks that it holds end with it: when it is closed, when wb ends, and soon after the
    connection has broken.
    """

    def __init__(self, open_channel: Callable[[], Channel]) -> None:
        self._open_channel = open_channel
        self._channel: Channel | None = None
        self._buffer = b""
        self._turn = threading.Lock()
        self._closed = threading.Event()
        self._has_locks = False

    def ask(self, *words: str) -> Reply:
        """Ask for something, and wait for the answer.

        Raises:
            EngineUnreachableError: the connection broke.
            WbError: a word cannot be sent, or the machine lacks a program.
        """
        if any("\n" in word for word in words):
            raise WbError(f"a name has a line break in it: {words!r}")
        with self._turn:
            channel = self._open()
            self._has_locks |= words[0].startswith(TAKES)
            try:
                channel.send(f"{shlex.join(words)}\n".encode())
                reply = self._read_reply(channel)
            except EngineUnreachableError:
                self._closed.set()
                self._forget_channel()
                raise
        if reply.code == NOT_INSTALLED:
            raise WbError(
                f"the engine's machine lacks a program that wb needs: {reply.text.strip()}",
                "wb needs sh, the coreutils and flock (util-linux) there.",
            )
        return reply

    def close(self) -> None:
        """End the script, and wait until it is gone."""
        self._closed.set()
        with self._turn:
            if self._channel:
                self._channel.close()
                self._channel = None

    def _open(self) -> Channel:
        if self._channel is None:
            self._closed.clear()
            self._channel, self._buffer = self._open_channel(), b""
            threading.Thread(target=self._beat, args=(self._channel,), daemon=True).start()
        return self._channel

    def _forget_channel(self) -> None:
        """Let the next request open another one, unless locks have ended with this one."""
        if self._channel and not self._has_locks:
            with suppress(WbError):
                self._channel.close()
            self._channel = None

    def _beat(self, channel: Channel) -> None:
        """Tell the script that wb is still there."""
        while not self._closed.wait(BEAT_S):
            with self._turn:
                if self._closed.is_set():
                    return
                try:
                    channel.send(b"\n")
                except (WbError, OSError):  # the next request tells of it
                    return

    def _read_reply(self, channel: Channel) -> Reply:
        header, _, rest = self._read_until(channel, lambda data: b"\n" in data).partition(b"\n")
        code, length = map(int, header.split())
        self._buffer = rest
        text = self._read_until(channel, lambda data: len(data) >= length)
        self._buffer = text[length:]
        return Reply(code, text[:length].decode(errors="surrogateescape"))

    def _read_until(self, channel: Channel, is_enough: Callable[[bytes], bool]) -> bytes:
        while not is_enough(self._buffer):
            self._buffer += channel.receive(ANSWER_WITHIN_S)
        return self._buffer
