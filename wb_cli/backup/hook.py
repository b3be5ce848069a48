"""Tell a command of the operator's how backups and trials ended."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from wb_cli.errors import WbError
from wb_cli.host.process import ask

if TYPE_CHECKING:
    from collections.abc import Mapping

WITHIN_S = 60.0


def call_hook(command: str, outcome: Mapping[str, Any]) -> None:
    """Run the command with the outcome as JSON on its input.

    Raises:
        WbError: it failed, took too long, or is not there.
    """
    said = ask(shlex.split(command), timeout=WITHIN_S, text=f"{json.dumps(outcome)}\n")
    if said.exit_code:
        output = (said.stderr.strip() or said.stdout.strip()).splitlines()
        raise WbError(
            f"`{command}` failed (exit code {said.exit_code}): "
            f"{output[-1] if output else 'it said nothing'}"
        )
