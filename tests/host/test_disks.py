"""Disks are measured on real ones."""

from pathlib import Path

from support.disks import small_disk

from wb_cli.host.disks import measure_disks


def test_each_disk_is_measured_once_under_its_first_path(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    with small_disk(tmp_path / "disk") as disk:
        found = measure_disks([tmp_path, tmp_path / "below", tmp_path / "none", disk])
    assert [each.path for each in found] == [str(tmp_path), str(disk)]
    assert (found[1].size, found[1].inodes) == (64 * 1024, 8)


def test_what_is_used_is_not_free(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        (empty,) = measure_disks([disk])
        (disk / "file").write_bytes(b"x" * 60_000)
        (filled,) = measure_disks([disk])
    assert empty.free - filled.free == 60 * 1024
    assert empty.free_inodes - filled.free_inodes == 1
    assert not filled.is_read_only
