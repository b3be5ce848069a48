"""What came of a backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.backup import manifest
from wb_cli.errors import ExitCode
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from wb_cli.backup.manifest import Manifest


class Made(Struct, frozen=True):
    """A backup that was made, or only planned."""

    manifest: Manifest | None
    seconds: float
    reason: str = ""

    @property
    def ending(self) -> str:
        """How it ended, in one word, for the history."""
        return "backed up" if self.manifest else "planned"

    def describe(self) -> str:
        """Describe it in a line."""
        if self.manifest is None:
            return f"would be backed up: {self.reason}"
        found = self.manifest
        kind = f"changes since {found.base[:8]}" if found.base else "whole"
        return (
            f"backed up as {found.snapshot[:8]} ({kind}): {describe_size(found.bytes)}, of which "
            f"{describe_size(found.added_bytes)} are new ({self.seconds:.1f} s)"
        )

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        found = manifest.as_document(self.manifest) if self.manifest else None
        return {"result": self.ending, "seconds": round(self.seconds, 3), "manifest": found}

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        return ExitCode.OK
