"""Remember where an instance was started, so that it never runs on two hosts at once.

A record lies beside the registry file. It is there from the start of an instance until its stop.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wb_cli.errors import EngineUnreachableError, UsageError, WbError
from wb_cli.instances.files import write_atomically
from wb_cli.lifecycle.guard.declared import find_containers
from wb_cli.lifecycle.record.beside_registry import folder_beside, make_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wb_cli.engine.base import Engine
    from wb_cli.instances.host_settings.settings import Settings

THIS_MACHINE = "this machine"


def find_records(settings: Settings) -> Path:
    """Find the folder of the records, one file for each instance."""
    return folder_beside(settings.servers_file, "places")


def find_record(settings: Settings, instance_id: str) -> Path:
    """Find the file that says where an instance was started."""
    return find_records(settings) / instance_id


def recall(settings: Settings, instance_id: str) -> str:
    """Recall where an instance was started; empty if it was stopped since."""
    with suppress(OSError):
        return find_record(settings, instance_id).read_text().strip()
    return ""


def remember(settings: Settings, instance_id: str, place: str) -> None:
    """Remember where an instance is started. Whatever prevents it is no reason to fail."""
    if recall(settings, instance_id) == place:
        return
    record = find_record(settings, instance_id)
    with suppress(OSError, WbError):
        make_folder(record.parent)
        write_atomically(record, f"{place}\n".encode(), mode=0o644)


def forget(settings: Settings, instance_id: str, place: str) -> None:
    """Forget a place in which an instance was stopped."""
    if recall(settings, instance_id) == place:
        with suppress(OSError):
            find_record(settings, instance_id).unlink()


def refuse_second_place(
    instance_id: str,
    last: str,
    settings: Settings,
    open_last: Callable[[], Engine],
    open_new: Callable[[], Engine],
) -> None:
    """Refuse to start an instance while the place where it was started has containers of it.

    Raises:
        UsageError: it has containers there, and the new place is another engine.
        EngineUnreachableError: whether it has is not known.
    """
    try:
        there = find_containers(instance_id, open_last().observe(), settings)
    except EngineUnreachableError as error:
        raise EngineUnreachableError(
            f"{instance_id} was started on {last}, and whether it still runs there is not known: "
            f"{error.message}",
            "It must not run on two hosts. If that host is gone for good, remove "
            f"{find_record(settings, instance_id)}.",
        ) from error
    if not there:
        return
    known = {container.id for container in open_new().observe().containers}
    if known.issuperset(container.id for container in there):
        return  # two names of one engine
    back = f"unset {instance_id} host" if last == THIS_MACHINE else f"set {instance_id} host={last}"
    raise UsageError(
        f"{instance_id} has containers on {last}, where it was started: "
        f"{', '.join(container.name for container in there)}; it must not run on two hosts",
        f"`wb config {back}`, then `wb stop {instance_id}` stops it there. wb moves no data.",
    )
