"""Install Debian's packages on this machine."""

import os
import platform
import shutil

from wb_cli.errors import WbError
from wb_cli.host.process import run

FAMILY = {"debian", "ubuntu"}
UPDATE_WITHIN_S = 300
INSTALL_WITHIN_S = 900
UNATTENDED = {"DEBIAN_FRONTEND": "noninteractive"}


def is_debian_family() -> bool:
    """Whether this is Debian, Ubuntu, or a distribution made from one of them."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    names = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    return bool(names & FAMILY) and shutil.which("apt-get") is not None


def is_root() -> bool:
    """Whether this process may change the machine."""
    return os.geteuid() == 0


def install(*packages: str) -> None:
    """Install packages without the packages that they merely recommend.

    Raises:
        WbError: this is neither Debian nor Ubuntu, the user is not root, or apt-get failed.
    """
    require_apt(packages)
    run(["apt-get", "update"], timeout=UPDATE_WITHIN_S, env=UNATTENDED)
    run(
        ["apt-get", "install", "--yes", "--no-install-recommends", *packages],
        timeout=INSTALL_WITHIN_S,
        env=UNATTENDED,
    )


def require_apt(packages: tuple[str, ...]) -> None:
    """Make sure that packages can be installed on this machine.

    Raises:
        WbError: this is neither Debian nor Ubuntu, or the user is not root. The hint says what to
            do by hand.
    """
    wanted = " ".join(packages)
    if not is_debian_family():
        raise WbError(
            f"cannot install {wanted}: this is neither Debian nor Ubuntu",
            "Install it the way of this distribution, then repeat the command.",
        )
    if not is_root():
        raise WbError(
            f"cannot install {wanted}: not root",
            f"Run this as root, or have root run `apt-get install {wanted}`.",
        )
