"""An engine behind a tunnel: its errors say what became of the tunnel."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from wb_cli.errors import EngineUnreachableError

Explain = Callable[[EngineUnreachableError], EngineUnreachableError]


class Explained:
    """Passes every call on, and explains why the engine does not answer.

    Any object that talks to an engine can be the ``target``. It keeps its own type for the code
    that uses it. Before each call, ``prepare`` may mend the tunnel.
    """

    def __init__(
        self, target: Any, explain: Explain, prepare: Callable[[], None] = lambda: None
    ) -> None:
        self._target, self._explain, self._prepare = target, explain, prepare

    def __getattr__(self, name: str) -> Any:
        """Give an attribute of the target. A method explains its errors."""
        found = getattr(self._target, name)
        return self._explained(found) if callable(found) else found

    def _explained(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def explained(*words: Any, **options: Any) -> Any:
            self._prepare()
            try:
                answer = call(*words, **options)
            except EngineUnreachableError as error:
                raise self._explain(error) from error
            return self._read(answer) if isinstance(answer, Generator) else answer

        return explained

    def _read(self, answers: Generator[Any, None, None]) -> Iterator[Any]:
        try:
            yield from answers
        except EngineUnreachableError as error:
            raise self._explain(error) from error
