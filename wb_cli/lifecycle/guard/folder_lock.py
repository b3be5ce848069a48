"""A lock on a folder itself. All processes share it, by whatever path they reach the folder."""

from __future__ import annotations

import errno
import math
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wb_cli.instances.files import take_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# The errors of file systems that cannot lock a folder.
_UNSUPPORTED = {errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}


@contextmanager
def folder_locked(path: Path, pause: Callable[[float], None]) -> Iterator[None]:
    """Hold the lock of a folder. While another process has it, call ``pause`` between two tries.

    A folder that does not exist, or whose file system has no locks, is not locked. ``pause`` gets
    the seconds to wait. It may raise an error to give up.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        _take(descriptor, pause)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, pause: Callable[[float], None]) -> None:
    try:
        take_lock(descriptor, math.inf, pause)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
