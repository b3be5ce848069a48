"""Install and start the Docker Engine on this machine."""

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from wb_cli.errors import WbError
from wb_cli.host import packages
from wb_cli.host.process import run, start_in_background

PACKAGES = ("docker.io", "iptables")
ANSWERS_WITHIN_S = 90.0
POLL_S = 0.1
LOG = Path("/var/log/wb-dockerd.log")
LAST_LINES = 6
# The units that start an engine, as Debian, Docker and snap name them.
UNITS = {"docker.service", "docker.socket", "snap.docker.dockerd.service"}
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))


def is_installed() -> bool:
    """Whether an engine is installed on this machine."""
    return shutil.which("dockerd") is not None


def install() -> None:
    """Install the Docker Engine from Debian's or Ubuntu's packages.

    Raises:
        WbError: this is neither Debian nor Ubuntu, the user is not root, or apt-get failed.
    """
    packages.install(*PACKAGES)


def start(answers: Callable[[], bool], log: Path = LOG) -> None:
    """Start the engine and wait until it answers. systemd also starts it after a reboot.

    Raises:
        WbError: the user is not root, or the engine did not answer in time. The error shows the
            last lines of the engine's log.
    """
    if answers():
        return  # the installation of its package has started it
    if not packages.is_root():
        raise WbError("cannot start the Docker Engine: not root", "Run this as root.")
    if has_systemd():
        run(["systemctl", "enable", "--now", "docker"], timeout=ANSWERS_WITHIN_S)
        _wait(answers, lambda: True, lambda: "`journalctl -u docker` has its log.")
    else:
        engine = start_in_background(["dockerd"], log)
        _wait(answers, engine.is_running, lambda: f"The end of {log}:\n{_read_end(log)}")


def has_systemd() -> bool:
    """Whether systemd is this machine's init."""
    return Path("/run/systemd/system").is_dir()


def is_started_at_boot(units: Iterable[Path] = UNIT_FOLDERS) -> bool | None:
    """Whether systemd starts the engine with the machine. ``None`` without systemd."""
    if not has_systemd():
        return None
    wanted = (folder.glob("*.wants/*") for folder in units)
    return any(unit.name in UNITS for folder in wanted for unit in folder)


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


def _read_end(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
