"""Give a database on which nothing runs the password that its instance has."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import WbError
from wb_cli.lifecycle.exchanging.exchange import PURPOSE

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from wb_cli.engine.base import Engine
    from wb_cli.secret import Secret

INSIDE = "/copy"
CHANGED = "changed"


def set_at_rest(  # noqa: PLR0913, PLR0917  (whose, which, and where)
    engine: Engine,
    image: str,
    databases: Path,
    password: Secret,
    labels: Mapping[str, str],
    cancelled: threading.Event,
) -> bool:
    """Set the superuser's password in a database that nothing runs on; say if it was another one.

    A throw-away PostgreSQL of its image replays the copy to its end for that, so the instance
    starts faster afterwards.

    Raises:
        WbError: PostgreSQL does not start on it.
        InterruptedError: a signal came.
    """
    script = files("wb_cli.lifecycle.passwords").joinpath("at_rest.sh").read_text()
    lines: list[str] = []
    spec = TaskSpec(
        purpose=PURPOSE,
        image=image,
        command=("sh", "-c", script),
        mounts=(TaskMount(str(databases), INSIDE, is_read_only=False),),
        secrets={"WB_PASSWORD": password},
        labels=labels,
    )
    end = engine.run_task(spec, lines.append, cancelled)
    if end.code:
        raise WbError(
            f"PostgreSQL does not start on the database in {databases}: {end.why}",
            "Where it came from a backup, `wb backup prove` looks whether that is damaged, and "
            "`--at` takes another one.",
        )
    return CHANGED in lines
