"""How the work on the certificate of an instance ended. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from wb_cli.errors import ExitCode
from wb_cli.quantities import write_moment


class Ending(StrEnum):
    """How the work ended. The value is shown.

    ``SERVED``: the certificate was there, and nginx serves it only now.
    """

    ISSUED = "issued"
    RENEWED = "renewed"
    SERVED = "served"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    NOTHING = "nothing"
    PLANNED = "planned"


class Outcome(Struct, frozen=True):
    """What was done, or would be done. ``command`` is that of certbot.

    ``lineage`` is certbot's name for the certificate, and ``digest`` tells it from others.
    """

    ending: Ending
    domain_name: str
    reason: str = ""
    lineage: str = ""
    issuer: str = ""
    valid_until: float | None = None
    digest: str = ""
    command: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        return ExitCode.OK

    def as_document(self) -> dict[str, Any]:
        """Give the outcome for ``--json``."""
        return {
            "result": self.ending,
            "domain": self.domain_name,
            "reason": self.reason or None,
            "lineage": self.lineage or None,
            "issuer": self.issuer or None,
            "validUntil": None if self.valid_until is None else write_moment(self.valid_until),
            "command": list(self.command) or None,
        }
