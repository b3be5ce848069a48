"""The files that ssh needs to reach a repository. They travel as data, to any engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.backup.repository import KNOWN_HOSTS, SSH_KEY
from wb_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wb_cli.instances.host_settings.settings import Settings

SFTP = "sftp:"
USUAL_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


def read_ssh_files(settings: Settings, location: str, home: Path) -> Mapping[str, bytes]:
    """Read the key and the known hosts for a repository that ssh leads to; for another, nothing.

    Raises:
        UsageError: one of them cannot be read.
    """
    if not location.startswith(SFTP):
        return {}
    given, known = settings.backup_ssh_key, settings.backup_known_hosts
    keys = [given] if given else [home / ".ssh" / name for name in USUAL_KEYS]
    hosts = [known or home / ".ssh" / "known_hosts"]
    return {
        SSH_KEY: _read_first(keys, f"key for {location}", "WB_BACKUP_SSH_KEY"),
        KNOWN_HOSTS: _read_first(hosts, f"list of hosts for {location}", "WB_BACKUP_KNOWN_HOSTS"),
    }


def _read_first(paths: Sequence[Path], what: str, setting: str) -> bytes:
    """Read the first of the files that is there."""
    for path in paths:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UsageError(f"the {what} cannot be read: {path}: {error.strerror}") from None
    looked = ", ".join(map(str, paths))
    raise UsageError(f"there is no {what}: looked for {looked}", f"{setting} names another file.")
