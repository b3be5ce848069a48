"""The files of one nginx site: the file itself, and the link that enables it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import WbError

if TYPE_CHECKING:
    from pathlib import Path


class SiteFile(Struct, frozen=True):
    """What stands at the place of a site.

    ``text`` is ``None`` where there is no file. ``stranger`` says what stands in the way and is no
    file of a site at all; ``problem`` says why it could not be read.
    """

    path: Path
    link: Path
    text: str | None = None
    is_linked: bool = False
    stranger: str = ""
    problem: str = ""

    @property
    def is_alone(self) -> bool:
        """Whether nginx reads the folder of the file itself, so that no link is needed."""
        return self.path == self.link

    @property
    def is_enabled(self) -> bool:
        """Whether nginx reads the file."""
        return self.text is not None and (self.is_alone or self.is_linked)


def look(available: Path, enabled: Path, name: str) -> SiteFile:
    """Look at the files of a site."""
    path, link = available / name, enabled / name
    if os.path.realpath(available) == os.path.realpath(enabled):
        link = path
    try:
        text, stranger = _read(path)
        is_linked = link != path and link.is_symlink() and _leads_to(link, path)
        if not stranger and link != path and os.path.lexists(link) and not is_linked:
            stranger = f"{link} is not the link to {path}"
    except (OSError, ValueError) as error:
        return SiteFile(path, link, problem=f"{path}: {getattr(error, 'strerror', '') or error}")
    return SiteFile(path, link, text, is_linked, stranger)


def list_names(folders: tuple[Path, ...], prefix: str, suffix: str) -> list[str]:
    """List the names of the files that could be sites.

    Raises:
        OSError: a folder is there, and cannot be read.
    """
    names: set[str] = set()
    for folder in folders:
        with suppress(FileNotFoundError):
            names |= {path.name for path in folder.iterdir()}
    return sorted(name for name in names if name.startswith(prefix) and name.endswith(suffix))


def _read(path: Path) -> tuple[str | None, str]:
    """Read the text of the file, or say what else stands at its place."""
    if path.is_symlink():
        return None, f"{path} is a link, and not wb's"
    try:
        return path.read_text(), ""
    except FileNotFoundError:
        return None, ""
    except IsADirectoryError:
        return None, f"{path} is a folder"
    except UnicodeDecodeError:
        return None, f"{path} is not wb's"


def _leads_to(link: Path, path: Path) -> bool:
    target = link.parent / link.readlink()
    folder = os.path.realpath(target.parent)
    return target.name == path.name and folder == os.path.realpath(path.parent)


def put_link(file: SiteFile) -> None:
    """Make the link, whole or not at all."""
    temporary = file.link.with_name(f".{file.link.name}.{secrets.token_hex(4)}")
    try:
        temporary.symlink_to(file.path)
        temporary.replace(file.link)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise make_error(error, "write", file.link) from error


def remove(file: SiteFile) -> None:
    """Remove the link, then the file."""
    unlink(file.link)
    unlink(file.path)


def unlink(path: Path) -> None:
    """Remove a file or a link if it is there. A read-only disk refuses what is not there, too."""
    if not os.path.lexists(path):
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise make_error(error, "remove", path) from error


def make_error(error: OSError, verb: str, path: Path) -> WbError:
    """Make the error for a file that could not be changed. It names the file and the remedy."""
    reason = (error.strerror or str(error)).lower()
    hint = "Run wb as root, or as the owner of that folder."
    if not isinstance(error, PermissionError):
        hint = f"Look at the folder and its disk: `df -h {path.parent}`."
    return WbError(f"cannot {verb} {path}: {reason}", hint)
