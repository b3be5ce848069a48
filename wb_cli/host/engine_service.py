"""The Docker Engine as a service of this machine: installed and started."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from wb_cli.errors import WbError
from wb_cli.host import packages
from wb_cli.host.process import run, start_in_background

PACKAGES = ("docker.io", "iptables")
ANSWERS_WITHIN_S = 90.0
POLL_S = 0.1
LOG = Path("/var/log/wb-dockerd.log")
LAST_LINES = 6


def is_installed() -> bool:
    """Whether there is an engine on this machine that could be started."""
    return shutil.which("dockerd") is not None


def install() -> None:
    """Install the Docker Engine from Debian's or Ubuntu's packages.

    Raises:
        WbError: neither Debian nor Ubuntu, not root, or apt-get failed.
    """
    packages.install(*PACKAGES)


def start(answers: Callable[[], bool], log: Path = LOG) -> None:
    """Start the engine, and again with the machine where systemd runs; wait until it answers.

    Raises:
        WbError: not root, or it did not answer in time; with the last lines of its log.
    """
    if answers():
        return  # its package has started it
    if not packages.is_root():
        raise WbError("cannot start the Docker Engine: not root", "Run this as root.")
    if has_systemd():
        run(["systemctl", "enable", "--now", "docker"], timeout=ANSWERS_WITHIN_S)
        _wait(answers, lambda: True, lambda: "`journalctl -u docker` has its log.")
    else:
        engine = start_in_background(["dockerd"], log)
        _wait(answers, engine.is_running, lambda: f"The end of {log}:\n{_end_of(log)}")


def has_systemd() -> bool:
    """Whether systemd is this machine's init."""
    return Path("/run/systemd/system").is_dir()


def _wait(
    answers: Callable[[], bool], is_running: Callable[[], bool], hint: Callable[[], str]
) -> None:
    deadline = time.monotonic() + ANSWERS_WITHIN_S
    while not answers():
        if not is_running():
            raise WbError("the Docker Engine was started and ended at once", hint())
        if time.monotonic() > deadline:
            raise WbError(f"the Docker Engine does not answer after {ANSWERS_WITHIN_S:g} s", hint())
        time.sleep(POLL_S)


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
