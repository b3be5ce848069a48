"""Files of the machine that wb writes, such as units of systemd.

What calls wb there has no shell. So the file itself says which registry file, settings and engine
are meant.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import UsageError, WbError
from wb_cli.host import packages
from wb_cli.instances.files import file_errors
from wb_cli.instances.host_settings.backup_settings import CREDENTIALS
from wb_cli.instances.host_settings.setting import CONFIG_DIR, ENV_FILE
from wb_cli.instances.host_settings.table import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from wb_cli.instances.host_settings.settings import Settings

REGISTRY = "# For the registry file "
# The variables that lead to an engine, which a service does not inherit.
ENGINE_CHOICES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")


class Found(StrEnum):
    """How a file of wb's on this machine stands. The value is shown in ``--json``."""

    ABSENT = "not installed"
    CURRENT = "installed"
    OUTDATED = "outdated"
    DISABLED = "not enabled"
    FOREIGN = "foreign"
    ANOTHER = "of another registry file"


class Caller(Struct, frozen=True):
    """What calls wb without a shell: the words that start wb, and the environment that it needs."""

    settings: Settings
    program: Sequence[str]
    environ: Mapping[str, str]

    def make_command(self, *words: str) -> list[str]:
        """Make the command line that calls wb."""
        return [*self.program, *self._list_options(), *words]

    def find_lost_secrets(self) -> list[str]:
        """Find the secrets that only this shell knows, and that do not belong into such a file.

        The credentials of a repository are told apart: one that is a folder needs none.
        """
        return [
            setting.env
            for setting in SETTINGS
            if setting.kind.is_secret
            and setting not in CREDENTIALS
            and self._is_of_shell(setting.name)
        ]

    def list_folders(self) -> Iterator[Path]:
        """List the folders that must be there before wb is called."""
        yield self.settings.mount_path
        yield self.settings.servers_file.parent
        yield self.settings.secrets_dir
        yield self.settings.config_file.parent

    def list_variables(self) -> Iterator[str]:
        """List what this shell, or a flag, says: no shell is there when wb is called."""
        yield f"{CONFIG_DIR}={self.settings.config_file.parent}"
        for setting in SETTINGS:
            if self._is_of_shell(setting.name) and not setting.kind.is_secret:
                text = self._write(self.settings.get_value(setting))
                yield f"{setting.env}={text}"
        for name in self.list_engine_choices():
            yield f"{name}={self.environ[name]}"

    def list_engine_choices(self) -> list[str]:
        """List the variables that choose an engine."""
        return [name for name in ENGINE_CHOICES if self.environ.get(name)]

    def _list_options(self) -> list[str]:
        """List the option for a ``.env`` that does not lie in the settings folder."""
        usual = self.settings.config_file.parent / ENV_FILE
        origins = (
            origin for origin in self.settings.origins.values() if origin.startswith(f"{ENV_FILE} ")
        )
        paths = {origin.removeprefix(f"{ENV_FILE} ").rpartition(":")[0] for origin in origins}
        return [word for path in paths - {str(usual)} for word in ("--env-file", path)]

    def _is_of_shell(self, name: str) -> bool:
        return self.settings.origins.get(name, "").startswith(("environment", "flag"))

    @staticmethod
    def _write(value: object) -> str:
        if isinstance(value, dict):
            return ",".join(f"{key}={item}" for key, item in value.items())
        return ",".join(value) if isinstance(value, tuple) else str(value)


def judge(present: str | None, wanted: str, *, is_enabled: bool) -> Found:
    """Judge a file that is there by its text. Its first line is wb's mark."""
    if present is None:
        return Found.ABSENT
    if not present.startswith(wanted.partition("\n")[0]):
        return Found.FOREIGN
    if _read_registry(present) != _read_registry(wanted):
        return Found.ANOTHER
    if present != wanted:
        return Found.OUTDATED
    return Found.CURRENT if is_enabled else Found.DISABLED


def _read_registry(text: str) -> str:
    lines = (line for line in text.splitlines() if line.startswith(REGISTRY))
    return next(lines, "")


def read(path: Path) -> str | None:
    """Read such a file; ``None`` if it is not there."""
    with file_errors(path, "read"):
        try:
            return path.read_text("utf-8", "replace")
        except FileNotFoundError:
            return None


def unlink(path: Path) -> None:
    """Remove such a file, if it is there."""
    with file_errors(path, "remove"):
        path.unlink(missing_ok=True)


def require_root(path: Path) -> None:
    """Refuse to write such a file as another user than root."""
    if not packages.is_root():
        raise WbError(f"cannot write {path}: not root", f"Run it as root (you are {os.geteuid()}).")


def refuse_lost_secrets(names: Sequence[str], file: Path, when: str) -> None:
    """Refuse to write a file that would call wb without secrets that only this shell knows."""
    if names:
        raise UsageError(
            f"{', '.join(names)}: only this shell says it, and no shell is there {when}",
            f"Write it in {file}, which only its owner may read, and unset it here.",
        )


def refuse_others(path: Path, found: Found, look: str, remove: str) -> None:
    """Refuse to touch a file of somebody else. ``look`` and ``remove`` are commands."""
    if found is Found.FOREIGN:
        raise WbError(
            f"{path} is there and is not wb's",
            f"Look at it, and move it away if nobody needs it: `{look}`.",
        )
    if found is Found.ANOTHER:
        raise WbError(
            f"{path} starts the instances of another registry file",
            f"`wb --servers-file <that file> {remove}` removes it; its second line has it.",
        )
