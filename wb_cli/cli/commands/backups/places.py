"""The repository of backups, and the places that have copies of it."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from wb_cli.cli.commands.backups.looking import look
from wb_cli.cli.show.endings import act_in_steps
from wb_cli.errors import ExitCode, UsageError, WbError
from wb_cli.lifecycle.ended import ActionResult
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wb_cli.backup.copies import Copied
    from wb_cli.backup.owner import Owner
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup, Snapshot
    from wb_cli.cli.context import Wb
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.lifecycle.options import RunOptions, Verb

T = TypeVar("T", bound=ActionResult)

# What a repository elsewhere may need, by the names that restic gives it.
PASSED_ON = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "RESTIC_REST_USERNAME",
    "RESTIC_REST_PASSWORD",
)
# restic wants a key even where it only looks whether there is a repository.
NO_KEY = Secret("none")
# What repositories elsewhere list lies here, below the mount path. No instance can have this name.
CACHE = ".wb-restic"
# Held by whoever makes the repository. No lock of an instance has such a name.
LOCK = "backups.repository"
MADE_WITHIN_S = 120.0


def prepare(wb: Wb) -> None:
    """Make the repository if it is missing. A new key is shown once.

    Raises:
        WbError: it cannot be made, or it is gone with the backups that it had.
    """
    from wb_cli.backup.place import create_folder, refuse_second

    location = wb.settings.backup_repository
    create_folder(wb.settings, wb.host or wb.chosen, wb.fleet.machine)
    if _is_there(wb):
        return
    from wb_cli.lifecycle.batch import held
    from wb_cli.lifecycle.options import RunOptions, Verb

    # Two that make it at once would spoil it for good: restic itself does not look.
    options = RunOptions(Verb.BACKUP, wait_s=MADE_WITHIN_S, tell=wb.console.note)
    with held(wb.fleet, LOCK, f"wb {Verb.BACKUP}", options):
        if not _is_there(wb):
            refuse_second(wb.settings, wb.host or wb.chosen)
            _make(wb, location)


def _is_there(wb: Wb) -> bool:
    known = wb.settings.backup_key or wb.secrets.read_backup_key()
    return _make_restic(wb, wb.settings.backup_repository, known or NO_KEY).is_there()


def _make(wb: Wb, location: str) -> None:
    known = wb.settings.backup_key or wb.secrets.read_backup_key()
    key = known or wb.secrets.create_backup_key()
    _make_restic(wb, location, key).make()
    wb.console.note(f"made the repository {location}")
    if not known:
        wb.console.note(f"the key that opens it: {key.reveal()}")
        wb.console.note(
            "keep it on another machine: without it there is no way back from a lost host"
        )


def open_repository(
    wb: Wb, cancelled: threading.Event | None = None, verb: Verb | None = None, instance: str = ""
) -> Restic:
    """Make what works on the repository. Nothing is asked yet.

    Its locks name the verb and the instance.

    Raises:
        UsageError: this host has no key.
        WbError: its folder is not there.
    """
    from wb_cli.backup.owner import Owner
    from wb_cli.backup.place import require_folder

    key = _find_key(wb)
    require_folder(wb.settings.backup_repository, wb.fleet.machine)
    owner = Owner(socket.gethostname(), verb, instance)
    return _make_restic(wb, wb.settings.backup_repository, key, cancelled, owner)


def act_with_repository(
    wb: Wb,
    options: RunOptions,
    ids: Sequence[str],
    action: Callable[[str, RunOptions, Restic], T],
) -> list[Ended[T]]:
    """Do something for each instance under its lock, and show how far it is.

    The action is given the id, its options, and the repository, whose work ends with a signal.
    """

    def act(id_: str, own: RunOptions) -> T:
        return action(id_, own, open_repository(wb, own.cancelled, options.verb, id_))

    return act_in_steps(wb, options, ids, act)


def open_places(wb: Wb) -> list[Restic]:
    """Make what works on each further place. Nothing is asked yet."""
    key = _find_key(wb)
    return [_make_restic(wb, place, key) for place in wb.settings.backup_copies]


def choose_backup(wb: Wb, instance: str, at: str) -> Backup:
    """Choose a backup of an instance by the beginning of its id; without one, the newest.

    Raises:
        UsageError: there is none, or several begin so.
    """
    from wb_cli.backup.snapshots import choose, find_backups

    backups = find_backups(open_repository(wb).list_snapshots(wb.console.note))
    require_known(wb, instance, backups)
    return choose(backups, instance, at)


def require_known(wb: Wb, instance: str, backups: Iterable[Backup]) -> None:
    """Refuse an id that is neither declared nor has a backup: it is probably mistyped.

    Raises:
        UsageError: it is. The hint names similar ones.
    """
    from wb_cli.instances.suggestions import make_unknown_error

    try:
        registry = wb.registry
    except WbError:  # a lost registry file keeps nobody from their backups
        return
    refused = (entry.instance_id for entry in registry.refused if entry.instance_id)
    known = {*registry.ids(), *refused, *(backup.instance for backup in backups)}
    if instance not in known:
        raise make_unknown_error(
            instance,
            known,
            f'there is no instance "{instance}", and no backup of one',
            "`wb backup list` shows of which there are backups.",
        )


def read_declaration(wb: Wb, backup: str) -> dict[str, Any]:
    """Read the entry that the instance of a backup had."""
    from wb_cli.backup.make import DECLARATION, ROOT

    return dict(json.loads(open_repository(wb).read_file(backup, f"{ROOT}/{DECLARATION}")))


def copy_to_places(wb: Wb) -> list[Copied]:
    """Copy what is missing to each further place."""
    from wb_cli.backup import copies
    from wb_cli.backup.looking import note_copied

    places = open_places(wb)
    with wb.console.tasks(len(places), has_lines=False) as tasks:
        copied = copies.copy_to_places(open_repository(wb), places, wb.fleet.machine, tasks.update)
        for each in copied:
            tasks.finish(each.place, "", ok=not each.error)
    note_copied(copied, wb.settings, wb.host or wb.chosen)
    return copied


def show_copied(wb: Wb, copied: Sequence[Copied], code: ExitCode) -> ExitCode:
    """Show what was copied, and give the exit code with that."""
    for each in () if wb.console.as_json else copied:
        if each.error:
            wb.console.show_error(
                WbError(f"not copied to {each.place}: {each.error.message}", each.error.hint)
            )
        elif not wb.console.is_quiet:
            wb.console.note(each.describe())
    if any(each.error for each in copied) and code is ExitCode.OK:
        return ExitCode.PARTIAL
    return code


def read_places(wb: Wb) -> tuple[dict[str, list[Snapshot]], dict[str, WbError]]:
    """Read what each place has. One that cannot be read is unknown, which is not empty.

    Raises:
        WbError: none of them can be read.
    """
    from wb_cli.backup.place import require_folder

    key = _find_key(wb)
    found: dict[str, list[Snapshot]] = {}
    unread: dict[str, WbError] = {}
    for place in (wb.settings.backup_repository, *wb.settings.backup_copies):
        try:
            require_folder(place, wb.fleet.machine)
            restic = _make_restic(wb, place, key)
            is_first = place == wb.settings.backup_repository
            lacks: list[str] = []
            found[place] = (
                look(wb, restic, lacks.append) if is_first else restic.list_snapshots(lacks.append)
            )
            if lacks:
                unread[place] = WbError(*lacks)
        except WbError as error:
            unread[place] = error
    if not found:
        raise next(iter(unread.values()))
    return found, unread


def _find_key(wb: Wb) -> Secret:
    key = wb.settings.backup_key or wb.secrets.read_backup_key()
    if key is None:
        raise UsageError(
            f"this host has no key for the backups in {wb.settings.backup_repository}",
            "WB_BACKUP_KEY gives it. Where there are no backups yet, `wb backup all` makes one.",
        )
    return key


def _make_restic(
    wb: Wb,
    location: str,
    key: Secret,
    cancelled: threading.Event | None = None,
    owner: Owner | None = None,
) -> Restic:
    from wb_cli.backup.owner import Owner
    from wb_cli.backup.repository import Limits, Repository
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.ssh_files import read_ssh_files
    from wb_cli.engine.task import Priority

    settings, cache = wb.settings, ""
    if not location.startswith("/") and (machine := wb.fleet.machine):
        folder = settings.mount_path / CACHE
        machine.create(folder, (), {})
        cache = str(folder)
    repository = Repository(
        location,
        key,
        settings.restic_image,
        _collect_credentials(settings),
        settings.labels,
        Limits(
            settings.backup_limit_upload,
            settings.backup_processors,
            Priority(settings.backup_priority),
        ),
        read_ssh_files(settings, location, Path.home()),
        cache,
        (owner or Owner(socket.gethostname())).name_host(uuid.uuid4().hex[:8]),
    )
    return Restic(wb.engine, repository, cancelled or threading.Event())


def _collect_credentials(settings: Settings) -> dict[str, Secret]:
    """Give what a repository elsewhere may ask for, by the names that restic gives it."""
    values = (
        settings.aws_access_key_id,
        settings.aws_secret_access_key,
        settings.aws_session_token,
        settings.aws_default_region,
        settings.restic_rest_username,
        settings.restic_rest_password,
    )
    return {name: value for name, value in zip(PASSED_ON, values, strict=True) if value}
