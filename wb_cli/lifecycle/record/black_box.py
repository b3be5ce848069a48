"""The black box: keep what explains a bad end of a container before the container is gone.

A record is kept once for each end, on disk, beside the registry file. It never has a secret that wb
knows. Where it cannot be kept, that is said once, and the action goes on.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from wb_cli.contract import CARRIER_SUFFIX, PREVIOUS_SUFFIX, Part
from wb_cli.engine.events import recall_end
from wb_cli.engine.types import Health, State
from wb_cli.errors import NotFoundError, WbError
from wb_cli.instances.files import describe_reason
from wb_cli.lifecycle.readiness.health import CLEAN_ENDS
from wb_cli.lifecycle.record.beside_registry import folder_beside, make_folder, write_private
from wb_cli.lifecycle.record.masking import find_secrets, keep_harmless, mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from wb_cli.engine.remains import Remains
    from wb_cli.engine.types import ContainerDetail, ObservedContainer
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.secret import Secret

FOLDER = "crashes"
RECORDS_AT_MOST = 10
BYTES_AT_MOST = 256 * 1024
LOG_LINES = 500
LOG_BYTES = 192 * 1024  # leaves room for the rest, and for what JSON adds
# No record of the engine is longer, but a program may have been given more.
TEXT_AT_MOST = 4096
KILLED = 137


class KeptCheck(Struct, frozen=True, rename="camel"):
    """One result of an image's own health check."""

    at: str
    exit_code: int
    output: str


class Crash(Struct, frozen=True, rename="camel"):
    """A record of the black box: how one container ended.

    ``reason`` says what wb saw, if that is more than the end itself. ``exit_code`` is ``None`` if
    it is not known, or if the process had not ended. ``environment`` has the names of all
    variables, and the values of harmless ones. ``log`` has a time before each line. Times are RFC
    3339.
    """

    instance: str
    part: Part
    container: str
    container_id: str
    kept_at: str
    reason: str = ""
    state: str = ""
    exit_code: int | None = None
    oom_killed: bool = False
    error: str = ""
    started_at: str = ""
    finished_at: str = ""
    created_at: str = ""
    restart_count: int = 0
    image: str = ""
    image_id: str = ""
    memory_bytes: int = 0
    command: tuple[str, ...] = ()
    environment: dict[str, str | None] = {}
    mounts: tuple[str, ...] = ()
    health: Health = Health.NONE
    health_log: tuple[KeptCheck, ...] = ()
    log: str = ""
    log_problem: str = ""
    log_is_cut: bool = False

    @property
    def ended_at(self) -> str:
        """When it ended, or when wb found it unfit."""
        return self.finished_at or self.kept_at

    @property
    def how(self) -> str:
        """How it ended, in a few words: ``exited 3``, ``out of memory``."""
        if self.oom_killed:
            return "out of memory"
        if self.exit_code == KILLED:
            return "killed (137)"
        if self.exit_code is not None:
            return f"exited {self.exit_code}"
        return self.reason or self.error or "ended, how is not known"


class BlackBox:
    """Keeps the ends of one instance's containers.

    Args:
        fleet: the engine, the settings and the secrets.
        instance: the id.
        report: is told once if nothing can be kept.
        inspect: gives what the engine knows of a container, where the caller has asked it already.
    """

    def __init__(
        self,
        fleet: Fleet,
        instance: str,
        report: Callable[[str], None],
        inspect: Callable[[str], ContainerDetail] | None = None,
    ) -> None:
        self._fleet = fleet
        self._instance = instance
        self._report = report
        self._inspect = inspect or fleet.engine.inspect
        self._has_failed = False

    def keep_dead(self, containers: Iterable[ObservedContainer]) -> None:
        """Keep those containers of a listing that ended badly, each end once."""
        for container in containers:
            if container.instance == self._instance and is_bad_end(container):
                self.keep(container.id, is_bad=True)

    def keep(self, container: str, reason: str = "", *, is_bad: bool = False) -> None:
        """Keep the end of one container.

        ``is_bad`` says that it is known to have ended badly. Else it is kept if there is a
        ``reason``, or if its state says so.
        """
        self._try(lambda: self._keep(container, reason, is_bad=is_bad))

    def read(self, container: str) -> Remains | None:
        """Read what may explain the end of a container that removes itself when it ends."""
        with suppress(WbError):
            return self._fleet.engine.read_remains(container, LOG_LINES, LOG_BYTES)
        return None

    def keep_read(self, remains: Remains, exit_code: int, reason: str) -> None:
        """Keep the end of a container that is gone, with what was read of it before."""

        def keep() -> None:
            detail = replace(
                remains.detail, state=State.EXITED, exit_code=exit_code, finished_at=_now()
            )
            folder = folder_of(self._fleet.settings, self._instance)
            self._write(folder, replace(remains, detail=detail), reason)

        self._try(keep)

    def _try(self, keep: Callable[[], None]) -> None:
        try:
            keep()
        except NotFoundError:
            return  # it runs with --rm, or somebody removed it
        except Exception as problem:  # noqa: BLE001  (it must never be the reason for a failure)
            if not self._has_failed:
                self._has_failed = True
                why = self._describe(problem)
                self._report(f"why {self._instance} failed cannot be kept: {why}")

    def _describe(self, problem: Exception) -> str:
        if isinstance(problem, OSError):
            folder = folder_of(self._fleet.settings, self._instance)
            return f"{folder}: {describe_reason(problem)}"
        return str(problem)

    def _keep(self, container: str, reason: str, *, is_bad: bool) -> None:
        folder = folder_of(self._fleet.settings, self._instance)
        detail = self._inspect(container)
        if is_kept(folder, detail) or not (is_bad or reason or _has_ended_badly(detail)):
            return
        remains = self._fleet.engine.read_remains(container, LOG_LINES, LOG_BYTES)
        self._write(folder, remains, reason, detail)

    def _write(
        self, folder: Path, remains: Remains, reason: str, detail: ContainerDetail | None = None
    ) -> None:
        """Write a record. ``detail`` is what was inspected first, and names the record."""
        detail = detail or remains.detail
        secrets = find_secrets(remains.environment, list_known_secrets(self._fleet, self._instance))
        crash = describe(self._instance, remains, reason, secrets, _now())
        if crash.exit_code is None and detail.finished_at:
            events = self._fleet.engine.recall_events(self._instance)
            crash = replace(crash, **recall_end(events, detail))
        make_folder(folder)
        write_private(folder / name_record(detail, crash.kept_at), encode(crash))
        _remove_oldest(folder)


def folder_of(settings: Settings, instance: str) -> Path:
    """The folder of an instance's records."""
    return folder_beside(settings.servers_file, FOLDER) / instance


def is_bad_end(container: ObservedContainer) -> bool:
    """Whether a listing says that a container ended badly. It costs no call of the engine.

    A container that was set aside was stopped by wb itself.
    """
    if container.name.endswith((PREVIOUS_SUFFIX, CARRIER_SUFFIX)):
        return False
    if container.has_crashed or container.state in {State.RESTARTING, State.DEAD}:
        return True
    exited = re.match(r"Exited \((\d+)\)", container.status)
    return exited is not None and int(exited[1]) not in CLEAN_ENDS


def is_called_unhealthy(container: ObservedContainer) -> bool:
    """Whether the health check of its image calls a container that runs unhealthy."""
    return container.is_active and container.status.endswith("(unhealthy)")


def is_kept(folder: Path, detail: ContainerDetail) -> bool:
    """Whether the last end of a container has its record."""
    pattern = f"*_{detail.id[:12]}_{_name_end(detail)}.json"
    return any(folder.glob(pattern))


def name_record(detail: ContainerDetail, kept_at: str) -> str:
    """Name the file of a record. The names sort by time, and say which end of which container."""
    moment = re.sub(r"[^0-9TZ]", "", (detail.finished_at or kept_at)[:26]).rstrip("Z")
    return f"{moment}_{detail.id[:12]}_{_name_end(detail)}.json"


def _name_end(detail: ContainerDetail) -> str:
    """Name the last end of a container; for one that has not ended, its start."""
    moment = detail.finished_at or f"alive{detail.started_at}"
    return re.sub(r"[^0-9a-z]", "", moment.lower())


def describe(
    instance: str, remains: Remains, reason: str, secrets: Iterable[Secret], now: str
) -> Crash:
    """Describe the end of a container, without its secrets. Pure."""
    known, detail = tuple(secrets), remains.detail

    def clean(text: str) -> str:
        return mask(text, known)[-TEXT_AT_MOST:]

    log = mask(remains.log, known)
    return Crash(
        instance=instance,
        part=_read_part(instance, detail.name),
        container=detail.name,
        container_id=detail.id,
        kept_at=now,
        reason=clean(reason),
        state=detail.state,
        exit_code=detail.exit_code if detail.state.has_ended else None,
        oom_killed=detail.oom_killed,
        error=clean(remains.error),
        started_at=detail.started_at,
        finished_at=detail.finished_at,
        created_at=remains.created_at,
        restart_count=detail.restart_count,
        image=remains.image,
        image_id=remains.image_id,
        memory_bytes=remains.memory,
        command=tuple(clean(word) for word in remains.command)[:32],
        environment=keep_harmless(remains.environment, known),
        mounts=remains.mounts,
        health=detail.health,
        health_log=tuple(
            KeptCheck(check.at, check.exit_code, clean(check.output))
            for check in remains.health_log
        ),
        log=log,
        log_problem=clean(remains.log_problem),
    )


def encode(crash: Crash) -> bytes:
    """Encode a record, with as much of its log as there is room for."""
    while len(content := msgspec.json.encode(crash)) > BYTES_AT_MOST and crash.log:
        _, _, rest = crash.log[-len(crash.log) * 3 // 4 :].partition("\n")
        crash = replace(crash, log=rest, log_is_cut=True)
    return content


def list_known_secrets(fleet: Fleet, instance: str) -> Iterator[Secret]:
    """List the secrets of an instance that wb knows."""
    settings = fleet.settings
    yield from filter(None, (settings.postgres_password, settings.pg_password))
    yield from settings.passed_on.values()
    with suppress(WbError):  # the container's own environment has them, too
        if stored := fleet.secrets.read(instance):
            yield from filter(None, (stored.admin_token, stored.postgres_password))


def _has_ended_badly(detail: ContainerDetail) -> bool:
    is_clean = detail.exit_code in CLEAN_ENDS and not detail.oom_killed
    return detail.state.has_ended and not is_clean


def _read_part(instance: str, name: str) -> Part:
    plain = name.removesuffix(PREVIOUS_SUFFIX)
    return next((part for part in Part if part.container_name(instance) == plain), Part.PLATFORM)


def _remove_oldest(folder: Path) -> None:
    """Keep the latest records."""
    records = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    for path in records[:-RECORDS_AT_MOST]:
        path.unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
