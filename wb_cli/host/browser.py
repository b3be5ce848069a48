"""Open an address in a browser of this machine, if a person sits in front of it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wb_cli.host.process import start_in_background

if TYPE_CHECKING:
    from collections.abc import Mapping

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def find_opener(environ: Mapping[str, str] = os.environ) -> str:
    """Find the program that opens addresses. Empty without a display, as on a server."""
    if sys.platform == "darwin":
        return shutil.which("open") or ""
    has_display = any(environ.get(name) for name in DISPLAYS)
    return (shutil.which("xdg-open") or "") if has_display else ""


def open_address(opener: str, address: str) -> None:
    """Have a program open an address. wb does not wait for it.

    Raises:
        WbError: the program cannot be started.
    """
    start_in_background([opener, address], Path(os.devnull))
