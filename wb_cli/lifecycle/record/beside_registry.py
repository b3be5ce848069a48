"""Files beside the registry file, which all who share the registry file share."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def folder_beside(servers_file: Path, name: str) -> Path:
    """Give a folder beside the registry file, by whatever path the file is named."""
    return Path(os.path.realpath(servers_file)).parent / name


def find_history(servers_file: Path) -> Path:
    """Find the folder of the histories of instances, beside the registry file."""
    return folder_beside(servers_file, "history")


def find_upgrades(servers_file: Path) -> Path:
    """Find the folder of what became of upgrades, beside the registry file."""
    return folder_beside(servers_file, "upgrades")


def make_folder(folder: Path) -> None:
    """Make a folder, and its parent. Both belong to the owner of the registry file's folder."""
    for path in (folder.parent, folder):
        with suppress(FileExistsError):
            path.mkdir()
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                share(descriptor, path.parent, 0o7777)
            finally:
                os.close(descriptor)


def share(descriptor: int, like: Path, rights: int) -> None:
    """Give an open file or folder the owner, the group and some of the rights of a folder."""
    found = like.stat()
    with suppress(PermissionError):
        os.fchown(descriptor, found.st_uid, found.st_gid)
    with suppress(PermissionError):
        os.fchmod(descriptor, found.st_mode & rights)


def write_shared(path: Path, content: bytes) -> None:
    """Write a file for all who share the registry file, whole or not at all. Make its folder."""
    make_folder(path.parent)
    _replace(path, content, 0o644, 0o666)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only the owner of its folder may read, whole or not at all."""
    _replace(path, content, 0o600, 0o600)


def _replace(path: Path, content: bytes, mode: int, rights: int) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            share(file.fileno(), path.parent, rights)
            file.write(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
