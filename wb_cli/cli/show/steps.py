"""How work on several instances looks while it goes on: its steps, and how each instance ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from wb_cli.lifecycle.ended import ActionResult, Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wb_cli.cli.console import Console, Tasks

T = TypeVar("T", bound=ActionResult)


class Steps(Generic[T]):
    """Shows who is at work, and in lines of the answer how each instance ended."""

    def __init__(
        self, console: Console, tasks: Tasks, describe: Callable[[T], Iterable[str]]
    ) -> None:
        self._console, self._tasks, self._describe = console, tasks, describe
        self._last: dict[str, str] = {}

    def begin(self, instance: str, reasons: Sequence[str]) -> None:
        """Show nothing: the first step says it."""

    def update(self, instance: str, text: str) -> None:
        """Show a step that begins, or how far it has come: ``step: how far``."""
        self._tasks.update(instance, text)
        step = text.partition(": ")[0]
        if self._console.verbosity and self._last.get(instance) != step:
            self._last[instance] = step
            self._console.note(f"{instance}: {step}")

    def tell(self, instance: str, text: str) -> None:
        """Show what an operator should know in any case."""
        self._tasks.update(instance, text)
        if not self._console.is_quiet:
            self._console.note(f"{instance}: {text}")

    def finish(self, ended: Ended[T]) -> None:
        """Show how an instance ended. Errors are told at the end, equal ones once."""
        self._tasks.finish(ended.instance, "", ok=not ended.error)
        if ended.result and not self._console.as_json and not self._console.is_quiet:
            for line in self._describe(ended.result):
                self._console.write_line(f"{ended.instance}: {line}")

    def answer(self, text: str) -> None:
        """Answer a further signal."""
        self._console.note(text)
