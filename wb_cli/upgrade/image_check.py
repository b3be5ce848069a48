"""Run the check that an image brings along, in a container of its own, before anything stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Part
from wb_cli.engine.task import TaskSpec
from wb_cli.errors import WbError
from wb_cli.lifecycle.time_limit import time_limit
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.lifecycle.planning.desired import Desired

# An image names its check in this label, as a command for a shell.
LABEL_CHECK = "wb.check"
CHECK_WITHIN_S = 60.0
LINES_SHOWN, SILENT = 5, "it said nothing"


def run_check(
    fleet: Fleet, command: str, wanted: Desired, options: RunOptions, within_s: float
) -> None:
    """Run a check of the platform's image as the platform would run: its variables, its network.

    It sees no folder, and nothing is published.

    Raises:
        WbError: the check failed, or did not end in time.
        InterruptedError: a signal came.
    """
    platform = wanted.container(Part.PLATFORM)
    if platform is None:
        raise AssertionError("every instance has a platform")
    values = platform.environment.items()
    lines: list[str] = []
    task = TaskSpec(
        purpose="check",
        image=platform.image,
        command=("sh", "-c", command),
        network=platform.instance,
        environment={name: text for name, text in values if isinstance(text, str)},
        secrets={name: text for name, text in values if isinstance(text, Secret)},
        labels=fleet.settings.labels,
    )
    options.report("running the check of the new image")
    try:
        with time_limit(within_s, options.cancelled) as cancelled:
            end = fleet.engine.run_task(task, lines.append, cancelled)
    except TimeoutError:
        raise WbError(
            f"the check of {platform.image} did not end within {within_s:g} s",
            "Nothing was stopped. `--check-within 5m` gives it more time.",
        ) from None
    if end.code:
        said = "; ".join([*filter(None, lines), *end.complaints][-LINES_SHOWN:])
        raise WbError(
            f"the check of {platform.image} failed with code {end.code}: {said or SILENT}",
            "Nothing was stopped.",
        )
