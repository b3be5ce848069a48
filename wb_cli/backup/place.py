"""The place of the repository: whether it is there, and whether a new one may be made at it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wb_cli.errors import WbError
from wb_cli.host.folders import FolderProblem
from wb_cli.lifecycle.record.backup_record import find_record, read_record

if TYPE_CHECKING:
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.lifecycle.machine.base import Machine


def require_folder(location: str, machine: Machine | None) -> None:
    """Refuse a repository whose folder is not there. restic would ask a file for 15 minutes.

    Raises:
        WbError: the folder is not there, or it is a file.
    """
    if not location.startswith("/") or machine is None:
        return
    problem = machine.find_problem(Path(location))
    if problem is FolderProblem.MISSING:
        raise WbError(
            f"there is no repository at {location}: {_describe_missing(location, machine)}",
            "Is its disk mounted? Where there is no backup yet, `wb backup` makes it.",
        )
    if problem is FolderProblem.NOT_A_FOLDER:
        raise WbError(
            f"there is no repository at {location}: it {problem}",
            "WB_BACKUP_REPOSITORY names the folder.",
        )


def create_folder(settings: Settings, host: str | None, machine: Machine | None) -> None:
    """Create the folder of a repository that is yet to be made.

    Raises:
        WbError: it cannot be created, or it had backups and is gone.
    """
    location = settings.backup_repository
    if not location.startswith("/") or machine is None:
        return
    if not machine.is_present(Path(location)):
        refuse_second(settings, host)
    machine.create(Path(location), (), {})


def refuse_second(settings: Settings, host: str | None) -> None:
    """Refuse to make a repository where one with backups was: its disk may not be mounted.

    Raises:
        WbError: wb saw backups there.
    """
    path, location = find_record(settings, host), settings.backup_repository
    seen = read_record(path)
    if seen and seen.instances:
        raise WbError(
            f"there is no repository at {location}, where there were backups of "
            f"{', '.join(sorted(seen.instances))} on {seen.looked.partition('T')[0]}",
            "Is its disk mounted? If they are lost for good, remove what wb knows of them, and "
            f"the next backup makes a new repository: `rm {path}`.",
        )


def _describe_missing(location: str, machine: Machine) -> str:
    volume = machine.find_unmounted_volume(Path(location))
    return f"the volume {volume} is not mounted" if volume else "the folder is not there"
