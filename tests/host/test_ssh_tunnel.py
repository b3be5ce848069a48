"""The address of an engine behind ssh, and what ssh's words mean."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.services import wait_until

from wb_cli.errors import EngineUnreachableError, UsageError
from wb_cli.host import ssh_tunnel
from wb_cli.host.ssh_tunnel import Address, Tunnel, judge, parse

ADDRESSES = {
    "ssh://far": Address("far"),
    "ssh://root@Far.example": Address("root@Far.example"),
    "ssh://root@far:2222": Address("root@far", "2222"),
    "ssh://far/": Address("far"),
    "ssh://far/run/user/1000/docker.sock": Address("far", "", "/run/user/1000/docker.sock"),
    "ssh://root@[fd00::1]:22": Address("root@fd00::1", "22"),
}


@pytest.mark.parametrize(("url", "address"), ADDRESSES.items())
def test_an_address_is_read_and_a_name_keeps_its_capitals(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    "url", ["ssh://", "ssh://-oProxyCommand=x", "ssh://-x@far", "ssh://a b", "ssh://far:port"]
)
def test_what_is_no_address_or_would_be_an_option_of_ssh_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        parse(url)


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        parse("ssh://root:secret@far")
    assert "secret" not in caught.value.message
    assert "no passwords" in caught.value.hint


CHANGED = (
    "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@",
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
    "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@",
    "Host key verification failed.",
)
WORDS = {
    "shows another host key": CHANGED,
    "host key is not known": ("Host key verification failed.",),
    "does not let this user in": ("root@far: Permission denied (publickey).",),
    "name is not known": ("ssh: Could not resolve hostname far: Name or service not known",),
    "lets wb connect": ("ssh: connect to host far port 22: No route to host",),
    "connection broke": ("Timeout, server far not responding.",),
    "forwards no sockets": ("channel 2: open failed: administratively prohibited: open failed",),
    "ssh failed": ("command-line: line 0: Bad configuration option: x",),
}


@pytest.mark.parametrize(("meaning", "words"), WORDS.items())
def test_the_words_of_ssh_tell_the_trouble(meaning: str, words: tuple[str, ...]) -> None:
    trouble, said = judge(words)
    assert meaning in trouble.meaning
    assert said in "\n".join(words)


def test_an_ssh_that_said_nothing_is_told_as_such() -> None:
    assert judge(("", "@@@"))[1] == "it said nothing"


# Listens as ssh does, until it is killed. It gets no connection while the file `away` is there.
SSH = """#!{python}
import os, pathlib, socket, sys
if pathlib.Path("{folder}/away").exists():
    sys.exit("ssh: connect to host far port 22: Connection refused")
pathlib.Path("{folder}/pid").write_text(str(os.getpid()))
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[sys.argv.index("-L") + 1].partition(":")[0])
listener.listen()
while True:
    listener.accept()
"""


@pytest.fixture
def tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tunnel]:
    """A tunnel of a program that takes the place of ssh."""
    program = tmp_path / "ssh"
    program.write_text(SSH.format(python=sys.executable, folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ssh_tunnel, "REOPENED_AFTER_S", 0)
    with closing(Tunnel("ssh://far")) as opened:
        yield opened


def listens(tunnel: Tunnel) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(tunnel.local_url.removeprefix("unix://")) == 0


def is_open_again(tunnel: Tunnel) -> bool:
    tunnel.reopen()
    return listens(tunnel)


def break_off(tunnel: Tunnel, folder: Path) -> None:
    os.kill(int((folder / "pid").read_text()), 9)
    wait_until(lambda: not listens(tunnel), "the end of the connection")


def test_a_tunnel_is_opened_again_at_the_same_address(tunnel: Tunnel, tmp_path: Path) -> None:
    before = tunnel.local_url
    tunnel.reopen()
    break_off(tunnel, tmp_path)
    wait_until(lambda: is_open_again(tunnel), "the connection")
    assert tunnel.local_url == before


def test_a_machine_that_is_away_is_told_until_it_is_there_again(
    tunnel: Tunnel, tmp_path: Path
) -> None:
    (tmp_path / "away").touch()
    break_off(tunnel, tmp_path)
    for _ in range(3):
        wait_until(lambda: _is_refused(tunnel), "the refusal")
    (tmp_path / "away").unlink()
    tunnel.reopen()
    assert listens(tunnel)


def _is_refused(tunnel: Tunnel) -> bool:
    try:
        tunnel.reopen()
    except EngineUnreachableError as error:
        return "Connection refused" in error.message
    return False


def test_a_folder_that_somebody_else_has_made_meanwhile_is_not_used(
    tunnel: Tunnel, tmp_path: Path
) -> None:
    break_off(tunnel, tmp_path)
    folder = Path(tunnel.local_url.removeprefix("unix://")).parent
    wait_until(lambda: not folder.exists(), "the end of ssh")
    folder.mkdir()
    with pytest.raises(EngineUnreachableError, match="has been taken"):
        wait_until(lambda: is_open_again(tunnel), "the connection")
    folder.rmdir()
