"""A small disk for a test, which can be filled and made read-only. Only root can mount."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(mount_point: Path) -> Iterator[Path]:
    """Mount a disk of 64 KiB and eight files at a new folder, and unmount it at the end."""
    mount_point.mkdir()
    size = "size=64k,nr_inodes=8"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(mount_point)], check=True)
    yield mount_point
    subprocess.run(["umount", str(mount_point)], check=True)
