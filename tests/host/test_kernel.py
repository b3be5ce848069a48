"""What the kernel counts: open files and tasks."""

import os
from pathlib import Path

from wb_cli.host.kernel import (
    Usage,
    count_processors,
    read_inotify_limit,
    read_open_files,
    read_tasks,
)


def test_open_files_and_tasks_are_read(tmp_path: Path) -> None:
    for name, text in {
        "sys/fs/file-nr": "1200\t0\t65536\n",
        "loadavg": "0.00 0.01 0.05 1/320 4711\n",
        "sys/kernel/pid_max": "32768\n",
        "sys/kernel/threads-max": "1000\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert read_open_files(tmp_path) == Usage(1200, 65536)
    assert read_tasks(tmp_path) == Usage(320, 1000)
    assert (read_tasks(tmp_path).left, Usage(7, 5).left) == (680, 0)


def test_this_machine_answers() -> None:
    assert 0 < read_open_files().used <= read_open_files().most
    assert 0 < read_tasks().used < read_tasks().most
    assert 1 <= count_processors() <= (os.cpu_count() or 1)


def test_an_engine_needs_inotify_only_where_there_is_one_tree_of_control_groups(
    tmp_path: Path,
) -> None:
    limit = tmp_path / "sys/fs/inotify/max_user_instances"
    limit.parent.mkdir(parents=True)
    limit.write_text("128\n")
    assert read_inotify_limit(tmp_path, tmp_path / "missing") is None
    assert read_inotify_limit(tmp_path, limit) == 128
