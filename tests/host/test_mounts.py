"""What is mounted, and which of it comes back after a reboot."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.disks import small_disk

from wb_cli.host.mounts import MountPoint, find_lost_mounts, find_mount, read_kept_mounts
from wb_cli.host.mounts import read_mounts as read

ROOT = MountPoint("/", "/", "254:0", "ext4", "/dev/vda", "rw")


def mount(path: str, root: str = "/", device: str = "0:99", kind: str = "xfs") -> MountPoint:
    return MountPoint(path, root, device, kind, "/dev/vdb", "rw")


@contextmanager
def disk_at(folder: Path) -> Iterator[MountPoint]:
    """A real disk, as the list of mounts has it."""
    with small_disk(folder):
        found = find_mount(folder, read())
        assert found
        yield found


def test_a_real_mount_is_read_with_its_path_and_kind(tmp_path: Path) -> None:
    with disk_at(tmp_path / "a disk") as found:
        assert (found.path, found.kind, found.root) == (f"{tmp_path}/a disk", "tmpfs", "/")


def lost(*mounts: MountPoint, kept: tuple[str, ...] = ()) -> list[str]:
    paths = [Path("/mnt/data/instances"), Path("/mnt/data/servers.json")]
    return [each.path for each in find_lost_mounts(paths, [ROOT, *mounts], set(kept))]


def test_a_disk_that_nothing_mounts_at_boot_is_lost_once() -> None:
    assert lost(mount("/mnt/data"), mount("/mnt/other")) == ["/mnt/data"]


@pytest.mark.parametrize(
    ("mounts", "kept"),
    [
        ((), ()),
        ((mount("/mnt/data"),), ("/mnt/data",)),
        ((mount("/mnt/data", kind="zfs"),), ()),
        ((mount("/mnt/data", root="/mnt/data", device=ROOT.device),), ()),
    ],
    ids=["the root file system", "kept", "ZFS mounts itself", "a folder mounted at its own place"],
)
def test_what_comes_back_is_not_lost(mounts: tuple[MountPoint, ...], kept: tuple[str, ...]) -> None:
    assert lost(*mounts, kept=kept) == []


def test_of_two_mounts_at_one_place_the_last_is_seen() -> None:
    first, second = mount("/mnt"), mount("/mnt", device="0:100")
    assert find_mount(Path("/mnt/x"), [ROOT, first, second]) is second


def test_fstab_keeps_what_it_mounts_by_itself(tmp_path: Path) -> None:
    fstab = tmp_path / "fstab"
    fstab.write_text(
        "# /dev/sda /mnt/comment ext4 defaults 0 2\n"
        "UUID=1 /mnt/data/ ext4 defaults,nofail 0 2\n"
        "UUID=2 /mnt/a\\040b ext4 defaults 0 2\n"
        "UUID=3 /mnt/by-hand ext4 noauto 0 2\n\n"
    )
    assert read_kept_mounts(fstab, ()) == {"/mnt/data", "/mnt/a b"}


@pytest.mark.parametrize("kind", ["mount", "automount"])
def test_a_unit_keeps_its_place(tmp_path: Path, kind: str) -> None:
    (tmp_path / "generator").mkdir()
    unit = tmp_path / "generator" / f"mnt-data.{kind}"
    unit.write_text("[Mount]\nWhat=/dev/vdb\nWhere=/mnt/data\n")
    assert read_kept_mounts(tmp_path / "no-fstab", [tmp_path]) == {"/mnt/data"}
