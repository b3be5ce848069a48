"""How an action on one instance ended."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from wb_cli.errors import ExitCode, WbError


class ActionResult(Protocol):
    """The result of any action."""

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""


R = TypeVar("R", bound=ActionResult)


class Ended(Struct, Generic[R], frozen=True):
    """How the action on one instance ended: with a result, or an error."""

    instance: str
    result: R | None = None
    error: WbError | None = None
    is_interrupted: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process if this were the only instance."""
        if self.error:
            return self.error.exit_code
        return self.result.exit_code if self.result else ExitCode.OK

    @property
    def name(self) -> str:
        """How it ended, in one word, for the history."""
        if self.is_interrupted:
            return "interrupted"
        if self.error:
            return "failed"
        return str(getattr(self.result, "ending", "done"))
