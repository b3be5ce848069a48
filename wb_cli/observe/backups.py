"""How the backups of an instance stand, as wb last saw them. The repository is not asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.errors import WbError
from wb_cli.lifecycle.record.backup_record import Kept, Record, find_record, read_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.secrets import SecretStore
    from wb_cli.lifecycle.record.backup_record import Copying

NEVER_LOOKED = "what backups there are was never looked at from this host: `wb backup list` does"


class BackupStatus(Struct, frozen=True):
    """The backups of an instance, as seen at ``looked``. Without ``kept`` it has none."""

    looked: str
    kept: Kept | None = None

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        kept = self.kept
        proven = (
            {
                "time": kept.proven,
                "restoreSeconds": kept.restore_seconds,
                "walUntil": kept.proven_until or None,
            }
            if kept
            else None
        )
        return {
            "asOf": self.looked,
            "newest": kept.newest if kept else None,
            "proven": proven if kept and kept.proven else None,
            "newestHasFailed": bool(kept and kept.has_failed),
            "newestWalHasFailed": bool(kept and kept.wal_has_failed),
        }


class Backups:
    """What wb knows of the backups on one host, read once."""

    def __init__(self, settings: Settings, secrets: SecretStore, host: str | None) -> None:
        self._is_configured = is_configured(settings, secrets)
        self._seen: Record | WbError | None
        try:
            self._seen = read_record(find_record(settings, host))
        except WbError as error:
            self._seen = error

    @property
    def copies(self) -> Mapping[str, Copying]:
        """How the last copy to each further place ended, as far as that is known."""
        return self._seen.copies if isinstance(self._seen, Record) else {}

    def find(self, instance: str) -> BackupStatus | WbError | None:
        """Give how they stand; the error where it is not known, ``None`` where wb makes none."""
        return judge(self._seen, instance, is_configured=self._is_configured)


def judge(
    seen: Record | WbError | None, instance: str, *, is_configured: bool
) -> BackupStatus | WbError | None:
    """Judge what is known of an instance's backups. Pure."""
    if isinstance(seen, WbError):
        return seen
    if seen is None:
        return WbError(NEVER_LOOKED) if is_configured else None
    if seen.problem:
        return WbError(f"the repository could not be read when last tried: {seen.problem}")
    return BackupStatus(seen.looked, seen.instances.get(instance))


def is_configured(settings: Settings, secrets: SecretStore) -> bool:
    """Whether this host has anything to do with backups: a key, or a repository by a setting."""
    if settings.backup_key or settings.origins.get("backup_repository", "default") != "default":
        return True
    try:
        return secrets.read_backup_key() is not None
    except WbError:  # it is there, and another user may not read it
        return True


def measure_age(moment: str, now: float) -> float:
    """Give the age of an RFC 3339 time in seconds."""
    return max(0.0, now - datetime.fromisoformat(moment).astimezone(UTC).timestamp())
