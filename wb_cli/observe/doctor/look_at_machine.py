"""Ask this machine how its disks, memory, ports, mounts and files stand."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wb_cli.host import (
    cron,
    disks,
    engine_service,
    folders,
    kernel,
    listeners,
    memory,
    mounts,
    ports,
    routes,
    systemd,
)
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.observe.doctor.facts import Machine
from wb_cli.observe.doctor.look_at_sites import look_at_sites

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.host.folders import Access, FolderProblem
    from wb_cli.host.mounts import MountPoint
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.observe.doctor.facts import Facts
    from wb_cli.observe.doctor.gather import Job, Question

# The field of Machine that holds the answer, by the question.
FIELDS = {
    "disks": "how much is free on the disks",
    "memory": "how much memory is free",
    "open_files": "how many files are open",
    "tasks": "how many processes there are",
    "inotify_limit": "how many inotify instances there may be",
    "pressures": "whether processes wait for memory or a disk",
    "lost_mounts": "what is mounted again after a reboot",
    "listeners": "who listens on the ports",
    "ephemeral_ports": "which ports outgoing connections take",
    "routes": "the routes of this machine",
    "is_engine_started_at_boot": "whether the engine starts with the machine",
    "has_autostart": "whether wb starts with the machine",
    "has_schedule": "whether wb backs up by the clock",
    "private_files": "who may read the secrets",
    "mount_path": "whether the mount path is there",
    "sites": "how nginx stands in front of the instances",
    "owned": "to whom the mount path and the registry file belong",
}


def ask_about_machine(facts: Facts) -> dict[Question, Job]:
    """The questions about this machine, on which the engine runs, too."""
    settings = facts.settings
    places = list_places(facts)
    jobs: dict[str, Job] = {
        "disks": partial(disks.measure_disks, places),
        "memory": memory.read_memory,
        "open_files": kernel.read_open_files,
        "tasks": kernel.read_tasks,
        "inotify_limit": kernel.read_inotify_limit,
        "pressures": memory.read_pressures,
        "lost_mounts": partial(_find_lost_mounts, places),
        "listeners": partial(listeners.read_listeners, set(facts.registry.list_claimed_ports())),
        "ephemeral_ports": ports.read_ephemeral_ports,
        "routes": lambda: tuple(routes.read_routes()),
        "is_engine_started_at_boot": engine_service.is_started_at_boot,
        "has_autostart": partial(_find_autostart, settings.mount_path),
        "has_schedule": _find_schedule,
        "private_files": partial(_read_private_files, settings, facts),
        "mount_path": partial(_find_problem_of_mount_path, settings),
        "sites": partial(look_at_sites, settings, facts.registry),
        "owned": partial(folders.read_access, [settings.mount_path, settings.servers_file]),
    }
    return {("", FIELDS[name]): job for name, job in jobs.items()}


def collect_machine(answers: Mapping[Question, Any]) -> Machine:
    """Make the facts of the answers. What was not answered stays empty."""
    given = {name: answers[key] for name, what in FIELDS.items() if (key := ("", what)) in answers}
    return Machine(**given)


def list_places(facts: Facts, *, is_here: bool = True) -> list[Path]:
    """List the folders whose disks the fleet needs, the instances' own ones first."""
    settings = facts.settings
    return [
        settings.mount_path,
        *(instance_path(known.instance, settings) for known in facts.known),
        *([settings.servers_file.parent, settings.secrets_dir] if is_here else []),
        *([Path(facts.engine.root)] if facts.engine and facts.engine.root else []),
    ]


def _find_lost_mounts(places: list[Path]) -> tuple[MountPoint, ...]:
    there = [place for place in places if place.exists()]
    kept = mounts.read_kept_mounts(mounts.FSTAB)
    return tuple(mounts.find_lost_mounts(there, mounts.read_mounts(mounts.MOUNTS), kept))


def _read_private_files(settings: Settings, facts: Facts) -> tuple[Access, ...]:
    """Read who may read the files that hold secrets: generated ones, and an entry's ``env``."""
    files = [settings.secrets_dir, settings.config_file.with_name(".env")]
    if settings.secrets_dir.is_dir():
        files += sorted(settings.secrets_dir.glob("*.json"))
        files.append(settings.secrets_dir / "hash-key")
    if any(instance.env for instance in facts.registry.instances):
        files.append(settings.servers_file)
    if any(
        "password" in name and origin == settings.config_file.name
        for name, origin in settings.origins.items()
    ):
        files.append(settings.config_file)
    return folders.read_access(files)


def _find_problem_of_mount_path(settings: Settings) -> FolderProblem | None:
    return folders.find_problem(settings.mount_path)


def _find_autostart(mount_path: Path) -> bool | None:
    """Find out whether a unit runs wb at boot. ``None`` where the engine alone is enough.

    The engine waits for no disk but its own. What it could not start, nothing starts.
    """
    place = mounts.find_mount(mount_path.resolve(), mounts.read_mounts(mounts.MOUNTS))
    if not engine_service.has_systemd() or place is None or place.path == "/":
        return None
    return systemd.is_enabled(systemd.AUTOSTART, systemd.UNITS)


def _find_schedule() -> bool:
    """Find out whether systemd or cron backs up by the clock."""
    if engine_service.has_systemd():
        return systemd.is_enabled(systemd.BACKUP, systemd.UNITS, systemd.TIMERS)
    return (cron.FOLDER / cron.BACKUP).exists()
