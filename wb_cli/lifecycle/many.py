"""Several instances, a few at a time; one that fails does not stop the others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import ExitCode, UnexpectedError, WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wb_cli.lifecycle.actions import Result

INTERRUPTED = "interrupted; what it had begun was undone"


class Ended(Struct, frozen=True):
    """How the action on one instance ended: with a result, or an error."""

    instance: str
    result: Result | None = None
    error: WbError | None = None
    is_interrupted: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """What this instance alone would make the process say."""
        if self.error:
            return self.error.exit_code
        if self.result and self.result.outcome.killed:
            return ExitCode.FAILURE
        return ExitCode.DEGRADED if self.result and self.result.outcome.degraded else ExitCode.OK


def for_each(instances: Sequence[str], work: Callable[[str], Result], parallel: int) -> list[Ended]:
    """Do the work for each instance, ``parallel`` at a time; in the order given."""
    if len(instances) <= 1 or parallel <= 1:
        return [_one(instance, work) for instance in instances]
    with ThreadPoolExecutor(parallel) as pool:
        return list(pool.map(lambda instance: _one(instance, work), instances))


def _one(instance: str, work: Callable[[str], Result]) -> Ended:
    try:
        return Ended(instance, result=work(instance))
    except WbError as error:
        return Ended(instance, error=error)
    except InterruptedError:
        return Ended(instance, error=WbError(INTERRUPTED), is_interrupted=True)
    except Exception as error:  # noqa: BLE001  (a fault of ours is no reason to stop the others)
        return Ended(instance, error=UnexpectedError(error))


def exit_code(endings: Iterable[Ended]) -> ExitCode:
    """One code for all: theirs where they agree, PARTIAL where only some failed."""
    codes = {ended.exit_code for ended in endings}
    if len(codes) == 1:
        return codes.pop()
    if codes <= {ExitCode.OK, ExitCode.DEGRADED}:
        return ExitCode.DEGRADED
    return ExitCode.PARTIAL
