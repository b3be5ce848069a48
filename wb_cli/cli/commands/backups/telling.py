"""Tell the operator's hook how a command on backups ended, whatever its end."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wb_cli.cli.console import make_error_document
from wb_cli.cli.show.endings import make_ending
from wb_cli.errors import ExitCode, WbError
from wb_cli.quantities import write_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.lifecycle.ended import Ended


class Outcome:
    """How a command ends. ``code`` is what the process tells the shell."""

    def __init__(self) -> None:
        self.code: int = ExitCode.OK
        self.endings: Sequence[Ended[Any]] = ()


@contextmanager
def told(wb: Wb, command: str, *, is_dry_run: bool = False) -> Iterator[Outcome]:
    """Run the hook of the settings when the block has ended, well or with an error.

    A hook that fails is told. Who relies on it must hear of that, so the command does not end with
    0 then. What is worse than that stays.
    """
    hook = "" if is_dry_run else wb.settings.backup_hook
    outcome, began = Outcome(), write_now()
    try:
        yield outcome
    except WbError as error:
        outcome.code = error.exit_code
        _tell(wb, hook, _describe(command, began, outcome, error))
        raise
    if not _tell(wb, hook, _describe(command, began, outcome, None)) and not outcome.code:
        outcome.code = ExitCode.PARTIAL


def _tell(wb: Wb, hook: str | None, document: dict[str, Any]) -> bool:
    if not hook:
        return True
    from wb_cli.backup.hook import call_hook

    try:
        call_hook(hook, document)
    except WbError as error:
        wb.console.note(f"the hook of WB_BACKUP_HOOK did not take it: {error.message}")
        return False
    return True


def _describe(command: str, began: str, outcome: Outcome, error: WbError | None) -> dict[str, Any]:
    return {
        "command": command,
        "host": socket.gethostname(),
        "began": began,
        "ended": write_now(),
        "exitCode": int(outcome.code),
        "instances": [make_ending(ended) for ended in outcome.endings],
        "error": make_error_document(error) if error else None,
    }
