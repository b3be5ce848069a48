"""Checks of the disks that the fleet stands on."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from wb_cli.host.folders import ENOUGH_BYTES
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.finding import Severity, Sign
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.host.mounts import MountPoint
    from wb_cli.observe.doctor.facts import Facts

GIB = 1024**3
# On a large disk a small share is much space, so both must be small for a warning.
LITTLE_SHARE, LITTLE_BYTES = 0.1, 20 * GIB
NEXT_TO_NOTHING = 0.02
FEW_INODES, NEARLY_NO_INODES = 0.1, 0.02


@check("disk-low", "on a full disk PostgreSQL stops, and Valkey keeps nothing over a restart")
def find_low_disks(facts: Facts) -> Iterator[Sign]:
    """A disk is full, or soon will be."""
    for disk in facts.machine.disks:
        share = disk.free / disk.size if disk.size else 1
        is_low = share < LITTLE_SHARE and disk.free < LITTLE_BYTES
        is_full = disk.free < ENOUGH_BYTES or (share < NEXT_TO_NOTHING and is_low)
        if is_low or is_full:
            what = (
                f"{describe_size(disk.free)} of {describe_size(disk.size)} are free "
                f"on the disk of {disk.path}"
            )
            severity = Severity.CRITICAL if is_full else Severity.WARNING
            command = f"du -xh --max-depth=2 {shlex.quote(disk.path)} | sort -h | tail"
            yield Sign(severity, what, command, "It shows what is large. Free it.")


@check("inodes-low", "without inodes no file can be made, though space seems to be free")
def find_low_inodes(facts: Facts) -> Iterator[Sign]:
    """A disk can hold few more files."""
    for disk in facts.machine.disks:
        share = disk.free_inodes / disk.inodes if disk.inodes else 1
        if share < FEW_INODES:
            what = (
                f"{disk.free_inodes:,} of {disk.inodes:,} inodes are free "
                f"on the disk of {disk.path}"
            )
            severity = Severity.CRITICAL if share < NEARLY_NO_INODES else Severity.WARNING
            command = f"du -x --inodes --max-depth=2 {shlex.quote(disk.path)} | sort -n | tail"
            yield Sign(severity, what, command, "It shows where the files are. Remove some.")


@check("disk-read-only", "no database there can start; a disk that fails often ends like this")
def find_read_only_disks(facts: Facts) -> Iterator[Sign]:
    """Nothing can be written to a disk."""
    for disk in facts.machine.disks:
        if disk.is_read_only:
            what = f"the disk of {disk.path} is read-only"
            command = f"mount -o remount,rw {shlex.quote(disk.path)}"
            advice = "See first whether the disk has failed: `dmesg | tail`."
            yield Sign(Severity.CRITICAL, what, command, advice)


@check("mount-not-kept", "after a reboot the folder is empty, and the instances do not start")
def find_lost_mounts(facts: Facts) -> Iterator[Sign]:
    """A disk would not be mounted again after a reboot."""
    for mount in facts.machine.lost_mounts:
        what = f"{mount.path} is mounted by hand: neither /etc/fstab nor a unit mounts it"
        yield Sign(Severity.WARNING, what, f"echo {_write_line(mount)} >> /etc/fstab")


def _write_line(mount: MountPoint) -> str:
    """Write the line of /etc/fstab. Within a line a space is an escape."""
    source, path = (text.replace(" ", r"\040") for text in (mount.source, mount.path))
    kind, options = mount.kind, mount.options
    if mount.root != "/":  # a part of a disk is mounted in a second place
        source, kind, options = mount.root.replace(" ", r"\040"), "none", "bind"
    return shlex.quote(f"{source} {path} {kind} {options},nofail 0 0")
