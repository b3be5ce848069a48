"""Read what the parts of an instance have written so far, interleaved by time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.errors import NotFoundError
from wb_cli.observe.logs.merge import choose, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wb_cli.contract import Part
    from wb_cli.engine.base import Engine
    from wb_cli.engine.log_lines import LogLine
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.observe.current_parts import Current
    from wb_cli.observe.logs.merge import PartLine
    from wb_cli.observe.logs.options import LogChoice


def read_until_now(
    engine: Engine, current: Current, choice: LogChoice, note: Callable[[Part, LogLine], None]
) -> Iterator[PartLine]:
    """Read the chosen lines that the containers have written so far, oldest first.

    ``note`` gets every line that was read, whether it is chosen or not.
    """

    def read(part: Part, container: ObservedContainer) -> Iterator[LogLine]:
        try:
            for line in engine.read_lines(container.id, choice.wanted):
                note(part, line)
                yield line
        except NotFoundError:  # it was removed after it was found
            return

    return merge({part: choose(read(part, found), choice) for part, found in current.items()})
