"""Do: give the files of a Valkey that is down another form, in a container of the same image.

Whoever may call the engine may do this, whoever owns the folder, and also on a remote engine.
"""

from __future__ import annotations

import time
from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.errors import WbError
from wb_cli.lifecycle.guard.writers import Part, start_alone
from wb_cli.lifecycle.planning.observed_instance import CARRIER
from wb_cli.lifecycle.readiness.health import last_lines

if TYPE_CHECKING:
    import threading

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ContainerSpec
    from wb_cli.lifecycle.planning.plan import CarryOver, Save

INTERVAL_S = 0.1
STOP_S = 10
# It saves for itself, or it loads.
BUSY = ("in progress", "LOADING")


class CarryError(WbError):
    """Valkey's files could not be given another form. All of them are as they were."""


def carrier(carry: CarryOver) -> ContainerSpec:
    """The container that changes the form: it needs the folder, and nobody needs it."""
    script = files("wb_cli.lifecycle").joinpath("carry.sh").read_text()
    return replace(
        carry.spec,
        command=("sh", "-c", script, "carry", str(carry.to)),
        suffix=CARRIER,
        stop_timeout=STOP_S,
        auto_remove=False,
    )


def carry_over(engine: Engine, carry: CarryOver, network: str, cancelled: threading.Event) -> None:
    """Change the form; it takes as long as it takes, and may be repeated after any interruption.

    Raises:
        CarryError: it failed. Nothing is lost.
        InterruptedError: the wait was cancelled. Nothing is lost.
    """
    spec = carrier(carry)
    container = engine.create_container(spec, network)
    try:
        start_alone(engine, container, Part(spec.instance, spec.role, spec.data_folder), cancelled)
        code = _until_ended(engine, container, cancelled)
        if code:
            lines = last_lines(engine, container)
            raise CarryError(
                f"the cache of {carry.spec.name} could not be carried over from {carry.to.other} "
                f"to {carry.to} and was left as it is (exit code {code}){lines}",
                f"Remedy what it says, then `wb run {spec.instance}`; or set cachePersistence back "
                f"to {carry.to.other}.",
            )
    finally:
        engine.stop(container, STOP_S)
        engine.remove_container(container)


def save(engine: Engine, container: str, operation: Save, cancelled: threading.Event) -> None:
    """Have a running Valkey write its snapshot.

    Raises:
        CarryError: it cannot.
        InterruptedError: the wait was cancelled.
    """
    command = ("timeout", str(operation.timeout), "valkey-cli", "save")
    deadline = time.monotonic() + operation.timeout
    while True:
        _, output = engine.execute(container, command)
        words = output.decode(errors="replace").strip()
        if words == "OK":
            return
        if not any(reason in words for reason in BUSY) or time.monotonic() > deadline:
            break
        if cancelled.wait(INTERVAL_S):
            raise InterruptedError(str(operation))
    said = words or f"no answer within {operation.timeout} s"
    lines = last_lines(engine, container)
    raise CarryError(
        f"{operation.name} cannot save what it caches, so it was left running: {said}{lines}",
        "Free some space on its disk if that is full; a Valkey that hangs is stopped with "
        "`wb stop`.",
    )


def _until_ended(engine: Engine, container: str, cancelled: threading.Event) -> int:
    """Its exit code."""
    while not (detail := engine.inspect(container)).state.has_ended:
        if cancelled.wait(INTERVAL_S):
            raise InterruptedError(detail.name)
    return detail.exit_code
