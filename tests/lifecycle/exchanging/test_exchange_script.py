"""The script that exchanges folders: cut off after any of its steps, the next one puts it right.

Each step of the script is a program. Stand-ins of these programs count, and end the script before
a given step, as if it were killed there.
"""

import itertools
import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from wb_cli.lifecycle.guard.half_restored import DATABASE, Left, look
from wb_cli.lifecycle.machine.here import THIS_MACHINE

SCRIPT = files("wb_cli.lifecycle.exchanging").joinpath("exchange.sh").read_text()
# The disk of these tests need not be asked to write at once.
PROGRAMS = {name: name for name in ("mv", "rm", "mkdir", "rmdir")} | {"sync": "true"}
STAND_IN = """#!/bin/sh
count=$(cat {counter})
echo $((count - 1)) >{counter}
[ "$count" -gt 1 ] || {{ kill -9 $PPID; exit 1; }}
exec {program} "$@"
"""
ALL = ("databases", "assets", "sandbox")


class Root:
    """An instance's folder, with the folders of a backup fetched beside its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.programs = path.parent / "bin"
        self.counter = path.parent / "counter"

    def fill(
        self, own: tuple[str, ...] = (*ALL, "valkey_data"), fetched: tuple[str, ...] = ALL
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        for name in own:
            self.put(self.path / name, "old")
        for name in fetched:
            self.put(self.path / ".restored" / name, "new")

    def put(self, folder: Path, text: str) -> None:
        (folder / "pgdata").mkdir(parents=True)
        (folder / "pgdata" / "PG_VERSION").write_text(text)

    def read(self) -> dict[str, str]:
        """What each folder has, and what else there is."""
        return {
            path.name: (path / "pgdata" / "PG_VERSION").read_text()
            if not path.name.startswith(".")
            else "there"
            for path in self.path.iterdir()
        }

    def run(self, verb: str, last_step: int = 10**6) -> bool:
        """Run the script up to a step. Tell whether it came to its end."""
        self.counter.write_text(f"{last_step}\n")
        words = ("sh", "-c", SCRIPT, "exchange", verb, str(self.path))
        environment = {**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"}
        return subprocess.run(words, env=environment, check=False).returncode == 0

    def left(self) -> Left:
        return look(THIS_MACHINE, self.path)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root(tmp_path / "demo")
    made.programs.mkdir()
    for name, program in PROGRAMS.items():
        stand_in = made.programs / name
        stand_in.write_text(STAND_IN.format(counter=made.counter, program=shutil.which(program)))
        stand_in.chmod(0o755)
    return made


OLD = {"databases": "old", "assets": "old", "sandbox": "old", "valkey_data": "old"}
NEW = {"databases": "new", "assets": "new", "sandbox": "new"}


def test_an_exchange_puts_the_fetched_folders_in_and_the_cache_away(root: Root) -> None:
    root.fill()
    assert root.run("in")
    assert root.read() == NEW | {".before-restore": "there"}
    assert root.left() is Left.KEPT


def test_the_way_back_brings_all_that_was_there(root: Root) -> None:
    root.fill()
    root.run("in")
    root.put(root.path / "valkey_data", "new")
    assert root.run("back")
    assert root.read() == OLD


def test_what_was_not_there_before_is_gone_after_the_way_back(root: Root) -> None:
    root.fill(own=("databases",))
    root.run("in")
    root.put(root.path / "valkey_data", "new")
    assert root.left() is Left.KEPT
    root.run("back")
    assert root.read() == {"databases": "old"}


def test_only_assets_leave_the_rest_and_the_cache_as_they_are(root: Root) -> None:
    root.fill(fetched=("assets",))
    root.run("in")
    assert root.read() == OLD | {"assets": "new", ".before-restore": "there"}
    root.run("back")
    assert root.read() == OLD


def fill_upgraded(root: Root) -> None:
    """Databases of another version of PostgreSQL, beside an instance's own folders."""
    root.fill(fetched=("databases",))
    (root.path / ".restored" / ".postgres-images").write_text("{}")


def test_an_upgrade_keeps_the_cache_and_the_note_of_its_images(root: Root) -> None:
    fill_upgraded(root)
    root.run("in")
    assert root.read() == OLD | {"databases": "new", ".before-restore": "there"}
    assert (root.path / ".before-restore" / ".postgres-images").read_text() == "{}"
    assert root.left() is Left.KEPT


def test_the_way_back_from_an_upgrade_gives_up_the_cache_of_what_was_written_since(
    root: Root,
) -> None:
    fill_upgraded(root)
    root.run("in")
    root.run("back")
    assert root.read() == {name: "old" for name in OLD if name != "valkey_data"}


def test_an_upgrade_cut_off_at_any_step_is_undone_by_the_way_back(root: Root) -> None:
    for step in itertools.count(1):
        fill_upgraded(root)
        if root.run("in", step):
            break
        for verb in ("discard", "accept") if root.left() is Left.FETCHED else ("back",):
            root.run(verb)
        assert root.read() in (OLD, dict.fromkeys(ALL, "old")), step
        assert root.left() is Left.NOTHING
    assert step > 5


@pytest.mark.parametrize("fetched", [ALL, ("assets",), ("databases",)])
def test_an_exchange_cut_off_at_any_step_is_undone_by_the_way_back(
    root: Root, fetched: tuple[str, ...]
) -> None:
    for step in itertools.count(1):
        root.fill(fetched=fetched)
        if root.run("in", step):
            break
        left = root.left()
        assert left in {Left.FETCHED, Left.HALF_IN}, step
        if left is Left.FETCHED:
            root.run("discard")
            if root.left() is Left.REMAINS:
                root.run("accept")
        else:
            root.run("back")
        assert root.read() == OLD, step
    assert step > 5


def test_a_first_restore_cut_off_at_any_step_is_finished(root: Root) -> None:
    for step in itertools.count(1):
        root.fill(own=())
        if root.run("in", step):
            break
        left = root.left()
        assert left in {Left.FETCHED_ALONE, Left.HALF_IN_ALONE}, step
        root.run("in")
        root.run("accept")
        assert root.read() == NEW, step
    assert root.left() is Left.REMAINS
    root.run("accept")
    assert root.read() == NEW
    assert step > 5


def test_a_way_back_cut_off_at_any_step_is_finished_by_the_next(root: Root) -> None:
    for step in itertools.count(1):
        root.fill(own=("databases", "assets", "valkey_data"))
        root.run("in")
        if root.run("back", step):
            break
        left = root.left()
        assert left in {Left.KEPT, Left.HALF_BACK, Left.REMAINS}, step
        root.run("accept" if left is Left.REMAINS else "back")
        assert root.read() == {"databases": "old", "assets": "old", "valkey_data": "old"}, step
    assert step > 5


def test_a_removal_cut_off_at_any_step_never_leaves_half_of_the_old_folders_to_go_back_to(
    root: Root,
) -> None:
    for step in itertools.count(1):
        root.fill()
        root.run("in")
        if root.run("accept", step):
            break
        if root.left() is Left.KEPT:
            kept = root.path / ".before-restore" / DATABASE
            assert kept.read_text() == "old", step
        root.run("accept")
        assert root.read() == NEW, step
    assert step > 2


def test_what_was_fetched_can_be_emptied_and_still_tells_of_the_restore(root: Root) -> None:
    root.fill(own=())
    root.run("empty")
    assert root.left() is Left.FETCHED_ALONE
    assert list((root.path / ".restored").iterdir()) == []
