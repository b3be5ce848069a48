"""Checks of the instances' folders, and of who claims them."""

from __future__ import annotations

import shlex
from itertools import combinations
from typing import TYPE_CHECKING

from wb_cli import contract
from wb_cli.host.folders import FolderProblem
from wb_cli.lifecycle.guard.writers import describe_writer
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.checks.paths import write_path
from wb_cli.observe.doctor.finding import Severity, Sign, of_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.observe.doctor.facts import Facts

DATA_FOLDERS = (contract.DATABASES, contract.VALKEY_DATA)


@check("mount-path", "no instance can start; a volume that is not mounted looks like this")
def find_missing_mount_path(facts: Facts) -> Iterator[Sign]:
    """The folder that holds all instances' folders is not there, or cannot be used."""
    if facts.machine.mount_path:
        path = facts.settings.mount_path
        what = f"the mount path {path} {facts.machine.mount_path}"
        severity, command = Severity.CRITICAL, f"mount {shlex.quote(str(path))}"
        advice = f"If it is no volume: `mkdir -p {shlex.quote(str(path))}`, or set MOUNT_PATH."
        if not facts.registry.instances:
            severity, command, advice = Severity.NOTICE, "wb setup", ""
        if facts.machine.mount_path is FolderProblem.UNREADABLE:
            command, advice = f"ls -ld {shlex.quote(str(path))}", "Run wb as root, or as its owner."
        yield Sign(severity, what, command, advice)


@check("folder-missing", "the instance cannot start; an empty folder would be a new database")
def find_missing_folders(facts: Facts) -> Iterator[Sign]:
    """Folders of an instance are not there, or are something else."""
    for known in () if facts.machine.mount_path else facts.known:
        id_ = known.instance.id
        missing = [f.name for f in known.folders if f.problem is FolderProblem.MISSING]
        if len(missing) == len(known.folders) and missing:
            what = "it has no folders yet, and its first start makes them"
            yield of_instance(id_, Severity.NOTICE, what, "wb run {ids}")
        elif missing:
            what = f"{', '.join(missing)}: missing, though other folders are there"
            advice = "Look first whether the folder was moved."
            yield of_instance(id_, Severity.WARNING, what, "wb init-dirs {ids}", advice)
        for folder in known.folders:
            if folder.problem in {FolderProblem.NOT_A_FOLDER, FolderProblem.UNREADABLE}:
                what = f"its folder {folder.name} {folder.problem}"
                command = f"ls -ld {write_path(known.instance, facts, folder.name)}"
                yield of_instance(id_, Severity.WARNING, what, command)


@check("sandbox-closed", "three users write there, and whoever may not fails in the middle of work")
def find_closed_sandboxes(facts: Facts) -> Iterator[Sign]:
    """A sandbox is not open to all users of the containers."""
    for known in facts.known:
        for folder in known.folders:
            wanted = contract.FOLDER_MODES.get(folder.name)
            if wanted and folder.access and folder.access.mode & wanted != wanted:
                what = f"its folder {folder.name} has the mode {folder.access.mode:04o}"
                command = f"chmod {wanted:o} {write_path(known.instance, facts, folder.name)}"
                yield of_instance(known.instance.id, Severity.WARNING, what, command)


@check("socket-open", "its database trusts everybody who reaches its socket")
def find_open_sockets(facts: Facts) -> Iterator[Sign]:
    """Other users of the machine reach the socket of a database."""
    for known in facts.known:
        for folder in known.folders:
            if folder.name == contract.WAL and folder.access and not folder.access.is_private:
                what = f"its folder {folder.name} has the mode {folder.access.mode:04o}"
                command = f"chmod 700 {write_path(known.instance, facts, folder.name)}"
                yield of_instance(known.instance.id, Severity.CRITICAL, what, command)


@check("folder-shared", "two servers on one data folder destroy it")
def find_shared_folders(facts: Facts) -> Iterator[Sign]:
    """The data folders of two instances are one place, or one lies in the other."""
    held = [
        (known.instance.id, folder)
        for known in facts.known
        for folder in known.folders
        if folder.name in DATA_FOLDERS
    ]
    for (id_, folder), (other_id, other) in combinations(held, 2):
        if id_ != other_id and folder.place.overlaps(other.place):
            what = f"its {folder.name} is the same folder as {other_id}'s {other.name}"
            command = f"wb stop {{id}} && readlink -f {shlex.quote(folder.path)}"
            advice = "A link leads there: give each its own folder."
            yield of_instance(id_, Severity.CRITICAL, what, command, advice)


@check("folder-claimed", "two servers on one data folder destroy it")
def find_claimed_folders(facts: Facts) -> Iterator[Sign]:
    """A container of somebody else can write to a data folder."""
    for known in facts.known:
        for folder in known.folders:
            for writer in folder.writers:
                is_active = writer.is_active
                severity = Severity.CRITICAL if is_active else Severity.WARNING
                command = f"docker {'stop' if is_active else 'rm'} {writer.name}"
                what = describe_writer(folder.path, writer)
                yield of_instance(known.instance.id, severity, what, command)


@check("folder-closed", "PostgreSQL cannot reach its database, and would begin an empty one")
def find_closed_folders(facts: Facts) -> Iterator[Sign]:
    """The owner of a database may not pass through the folder that holds it."""
    for known in facts.known:
        for folder in known.folders:
            if folder.is_closed_to_owner:
                what = f"its folder {folder.name} is closed to the owner of the database in it"
                command = f"chmod 755 {write_path(known.instance, facts, folder.name)}"
                yield of_instance(known.instance.id, Severity.CRITICAL, what, command)
