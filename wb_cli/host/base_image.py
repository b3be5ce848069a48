"""The base image's content, made from Debian's packages where no image registry answers."""

import shutil
from pathlib import Path

from wb_cli.host import packages
from wb_cli.host.process import run

SUITE = "trixie"
MADE_WITHIN_S = 900
# A container needs no manuals and no translated messages. dpkg and apt keep these options, so they
# also hold for everything that is installed later.
LEFT_OUT = ("doc", "info", "lintian", "locale", "man")
APT_OPTIONS = ('APT::Install-Recommends "false"', 'Acquire::Languages "none"')


def make_base(archive: Path) -> None:
    """Write a minimal Debian system as a tar file, which an engine can import.

    Raises:
        WbError: mmdebstrap is missing and cannot be installed, or failed.
    """
    if shutil.which("mmdebstrap") is None:
        packages.install("mmdebstrap", "debian-archive-keyring")
    run(build_command(archive), timeout=MADE_WITHIN_S)


def build_command(archive: Path) -> list[str]:
    """The command line that makes the base image's content."""
    return [
        "mmdebstrap",
        "--variant=minbase",
        "--include=ca-certificates",
        *(f"--aptopt={option}" for option in APT_OPTIONS),
        *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in LEFT_OUT),
        SUITE,
        str(archive),
    ]
