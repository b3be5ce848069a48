"""Forward the socket of an engine on another machine to this one, with the operator's own ssh."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path

from msgspec import Struct

from wb_cli.errors import EngineUnreachableError, UsageError, WbError
from wb_cli.host.process import Tied, read_exit_code

DEFAULT_SOCKET = "/var/run/docker.sock"
CONNECT_WITHIN_S = 10
# A key on a stick may wait for a touch, and a machine may be slow to let a user in.
OPEN_WITHIN_S = 60.0
POLL_S = 0.02
# ssh may end a moment after the connections that it forwards.
ENDS_AFTER_ITS_CONNECTIONS_S = 1.0
REOPENED_AFTER_S = 0.5
SOCKET_PATH_AT_MOST = 100  # of the 107 characters that the kernel takes
OPTIONS = {
    "BatchMode": "yes",  # a question would hide behind the progress display
    "ConnectTimeout": str(CONNECT_WITHIN_S),
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "3",
    "LogLevel": "INFO",
    # This connection is wb's own, and ends with it.
    "ControlMaster": "no",
    "ControlPath": "none",
}
FORWARDING = {
    "ExitOnForwardFailure": "yes",
    "StreamLocalBindUnlink": "yes",
    "StreamLocalBindMask": "0177",
}
# Exit codes of LOOK_AT_SOCKET; other codes say that it could not be run.
NO_SOCKET, NO_ACCESS = 3, 4
_SOCKET_TROUBLES = {
    NO_SOCKET: (
        "no engine has its socket at {path} there",
        (
            "Is the Docker Engine installed there and running (`systemctl status docker`)? "
            "Another path is written at the end of the URL."
        ),
    ),
    NO_ACCESS: (
        "this user may not use {path} there",
        (
            "Make the user a member of the group `docker` there: `sudo usermod -aG docker USER`; "
            "or use another user: ssh://root@..."
        ),
    ),
}
_NO_ANSWER = (
    "no engine answers at {path} there, or its ssh server forwards no sockets",
    (
        "Start the engine there: `systemctl start docker`. If it runs, its sshd_config needs "
        "`AllowStreamLocalForwarding yes`."
    ),
)
LOOK_AT_SOCKET = f"test -S {{0}} || exit {NO_SOCKET}; test -w {{0}} || exit {NO_ACCESS}"


class Address(Struct, frozen=True):
    """Where an engine is reached over ssh, as ``ssh://user@host:22/run/docker.sock`` says."""

    destination: str
    port: str = ""
    socket: str = DEFAULT_SOCKET

    def __str__(self) -> str:
        """The command that an operator types to get there."""
        return f"ssh {f'-p {self.port} ' if self.port else ''}{self.destination}"


class Trouble(Struct, frozen=True):
    """What ssh says in some trouble, what that means, and the remedy."""

    pattern: str
    meaning: str
    remedy: str


TROUBLES = (
    Trouble(
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed",
        "the machine shows another host key than before",
        "Somebody may pose as it. If it was set up anew, remove its old key (ssh names the line), "
        "then `{ssh}` shows the new one.",
    ),
    Trouble(
        r"Host key verification failed|host key is known for",
        "the machine's host key is not known here",
        "`{ssh}` once shows the key and asks: wb never does.",
    ),
    Trouble(
        r"Permission denied|Too many authentication failures|No supported authentication",
        "the machine does not let this user in without a question",
        "`{ssh} true` must work without one: `ssh-copy-id`, or `ssh-add` for a key with a "
        "passphrase.",
    ),
    Trouble(
        r"Could not resolve hostname",
        "the machine's name is not known",
        "Correct the name, or give it a `Host` in ~/.ssh/config.",
    ),
    Trouble(
        r"Connection refused|No route to host|Network is unreachable|[Tt]imed out|"
        r"Connection closed|kex_exchange_identification",
        "no ssh server lets wb connect",
        "Is the machine up? `{ssh}` must get there; the port stands in the URL or in "
        "~/.ssh/config.",
    ),
    Trouble(
        r"not responding|Broken pipe|Connection reset|closed by remote host",
        "the connection broke",
        "What is running there goes on. Repeat the command when `{ssh}` gets there again.",
    ),
    Trouble(
        r"administratively prohibited|forwarding.*(denied|failed)|Could not request",
        "its ssh server forwards no sockets",
        "Its sshd_config needs `AllowStreamLocalForwarding yes` and no `DisableForwarding`.",
    ),
)
UNKNOWN = Trouble("", "ssh failed", "`{ssh}` shows more; it must work without a question.")


def parse(url: str) -> Address:
    """Read a URL. The name keeps its capitals, as it may be one of ~/.ssh/config.

    Raises:
        UsageError: it names no machine, or holds a password.
    """
    found = re.fullmatch(r"ssh://((?:[^@/:\s]+@)?)(\[[^\]\s]+\]|[^@/:\s]+)(?::(\d+))?(/\S*)?", url)
    if not found or found[1].startswith("-") or found[2].startswith("-"):
        raise UsageError(
            f"{mask_password(url)} is no address of an engine",
            "Over ssh it is ssh://[user@]host[:port][/path/of/docker.sock]; ssh uses keys, no "
            "passwords.",
        )
    path = found[4] if found[4] and found[4] != "/" else DEFAULT_SOCKET
    return Address(found[1] + found[2].strip("[]"), found[3] or "", path)


def mask_password(url: str) -> str:
    """Give a URL without the password that somebody wrote into it."""
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", url)


class Tunnel:
    """A socket on this machine that leads to an engine on another one, while wb runs.

    Raises:
        EngineUnreachableError: ssh gets no connection.
        UsageError: the URL is none.
    """

    def __init__(self, url: str) -> None:
        self._url, self._address = url, parse(url)
        self._folder = _make_private_folder()
        self._socket = self._folder / "docker.sock"
        self._turn = threading.Lock()
        self._not_before = 0.0
        self._ssh = self._connect()

    def _connect(self) -> Tied:
        try:
            self._ssh = Tied(_write_command(self._address, self._socket), self._folder)
        except WbError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise EngineUnreachableError(
                f"the Docker Engine at {self._url} cannot be reached: {error.message}",
                "Install the OpenSSH client.",
            ) from error
        try:
            self._wait_until_open()
        except BaseException:
            self.close()
            raise
        return self._ssh

    def reopen(self) -> None:
        """Connect again if the connection has ended. The engine has the same address as before.

        Several threads may call this. After a failure it does not try again for a moment.

        Raises:
            EngineUnreachableError: ssh gets no connection.
        """
        with self._turn:
            if not self._ssh.has_ended():
                return
            if time.monotonic() < self._not_before:
                raise self._describe(self._ssh.words)
            self._ssh.end()
            try:
                self._folder.mkdir(mode=0o700)  # never a folder that somebody else has made
                self._connect()
            except FileExistsError:
                raise self._describe((f"{self._folder} has been taken",)) from None
            finally:
                self._not_before = time.monotonic() + REOPENED_AFTER_S

    @property
    def local_url(self) -> str:
        """The address of the engine on this machine."""
        return f"unix://{self._socket}"

    def close(self) -> None:
        """End ssh. Its socket goes with it."""
        self._ssh.end()

    def explain(self, error: EngineUnreachableError) -> EngineUnreachableError:
        """Say why the engine does not answer, if ssh or the socket over there is the reason."""
        if self._ssh.has_ended(ENDS_AFTER_ITS_CONNECTIONS_S):
            return self._describe(self._ssh.words)
        refused = [words for words in self._ssh.words if "open failed" in words]
        if not refused:
            return error
        if "prohibited" in refused[-1]:
            return self._describe((refused[-1],))
        return self._describe_socket(refused[-1])

    def _wait_until_open(self) -> None:
        deadline = time.monotonic() + OPEN_WITHIN_S
        while not self._listens():
            if self._ssh.has_ended(POLL_S):
                raise self._describe(self._ssh.words)
            if time.monotonic() > deadline:
                raise self._describe((f"Connection timed out after {OPEN_WITHIN_S:g} s",))

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self._socket)) == 0

    def _describe(self, words: tuple[str, ...]) -> EngineUnreachableError:
        trouble, said = judge(words)
        return EngineUnreachableError(
            f"the Docker Engine at {self._url} cannot be reached: {trouble.meaning} ({said})",
            trouble.remedy.format(ssh=self._address),
        )

    def _describe_socket(self, said: str) -> EngineUnreachableError:
        """Ask over ssh how it stands with the socket, because ssh says only that it failed."""
        path = self._address.socket
        look = LOOK_AT_SOCKET.format(shlex.quote(path))
        argv = ("ssh", "-T", *_write_options(self._address, {}), "--", self._address.destination)
        code = read_exit_code((*argv, look), timeout=2 * CONNECT_WITHIN_S)
        reason, remedy = _SOCKET_TROUBLES.get(code or 0, _NO_ANSWER)
        reason = reason.format(path=path)
        return EngineUnreachableError(
            f"the Docker Engine at {self._url} cannot be reached: {reason} (ssh: {said})", remedy
        )


def judge(words: tuple[str, ...]) -> tuple[Trouble, str]:
    """Find out from ssh's words what the trouble is, and give the words that say so. Pure."""
    told = [word.strip() for word in words if word.strip("@ \r")]
    for trouble in TROUBLES:
        for line in told:
            if re.search(trouble.pattern, line):
                return trouble, line.strip("@ ")
    return UNKNOWN, told[-1] if told else "it said nothing"


def _write_command(address: Address, socket: Path) -> tuple[str, ...]:
    options = _write_options(address, FORWARDING)
    forward = f"{socket}:{address.socket}"
    return ("ssh", "-nNT", *options, "-L", forward, "--", address.destination)


def _write_options(address: Address, more: dict[str, str]) -> tuple[str, ...]:
    options = [f"-o{name}={value}" for name, value in (OPTIONS | more).items()]
    return (*options, *(("-p", address.port) if address.port else ()))


def _make_private_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="wb-")
    if len(folder) < SOCKET_PATH_AT_MOST and not set(folder) & set(": %\\'\""):
        return Path(folder)
    Path(folder).rmdir()
    return Path(tempfile.mkdtemp(prefix="wb-", dir="/tmp"))
