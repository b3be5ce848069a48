"""Do: change the form of a stopped Valkey's files, in a container of the same image.

The container makes this possible on a remote engine, and for a user who may call the engine but
does not own the folder.
"""

from __future__ import annotations

import time
from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec.structs import replace

from wb_cli.errors import WbError
from wb_cli.lifecycle.guard.writers import DataFolder, start_alone
from wb_cli.lifecycle.planning.observed_instance import CARRIER
from wb_cli.lifecycle.readiness.health import read_last_lines

if TYPE_CHECKING:
    import threading

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ContainerSpec
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.planning.plan import CarryOver, Save

INTERVAL_S = 0.1
STOP_S = 10
# Valkey may have to rewrite gigabytes. A slow disk writes 360 GB in this time.
CARRIED_WITHIN_S = 3600.0
# Valkey's answers while it saves by itself, or while it loads its data.
BUSY = ("in progress", "LOADING")


class CarryError(WbError):
    """The form of Valkey's files could not be changed. All files are as they were."""


def describe_carrier(carry: CarryOver) -> ContainerSpec:
    """Describe the container that changes the form of the files."""
    script = files("wb_cli.lifecycle.carrying").joinpath("carry.sh").read_text()
    return replace(
        carry.spec,
        command=("sh", "-c", script, "carry", str(carry.to)),
        suffix=CARRIER,
        stop_timeout=STOP_S,
        auto_remove=False,
    )


def carry_over(
    engine: Engine,
    carry: CarryOver,
    network: str,
    cancelled: threading.Event,
    machine: Machine | None = None,
) -> None:
    """Change the form of the files. It may be repeated after any interruption.

    Raises:
        CarryError: it failed, or took longer than ``CARRIED_WITHIN_S``. Nothing is lost.
        InterruptedError: the wait was cancelled. Nothing is lost.
    """
    spec = describe_carrier(carry)
    container = engine.create_container(spec, network)
    try:
        folder = DataFolder(spec.instance, spec.part, spec.data_folder)
        start_alone(engine, container, folder, cancelled, machine)
        code = _wait_for_end(engine, container, carry, cancelled)
        if code:
            lines = read_last_lines(engine, container)
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
    """Let a running Valkey write its snapshot.

    Raises:
        CarryError: Valkey cannot write it.
        InterruptedError: the wait was cancelled.
    """
    command = ("timeout", str(operation.timeout), "valkey-cli", "save")
    deadline = time.monotonic() + operation.timeout
    while True:
        _, output = engine.execute(container, command)
        answer = output.decode(errors="replace").strip()
        if answer == "OK":
            return
        if not any(reason in answer for reason in BUSY) or time.monotonic() > deadline:
            break
        if cancelled.wait(INTERVAL_S):
            raise InterruptedError(str(operation))
    said = answer or f"no answer within {operation.timeout} s"
    lines = read_last_lines(engine, container)
    raise CarryError(
        f"{operation.name} cannot save what it caches, so it was left running: {said}{lines}",
        "Free some space on its disk if that is full; a Valkey that hangs is stopped with "
        "`wb stop`.",
    )


def _wait_for_end(
    engine: Engine, container: str, carry: CarryOver, cancelled: threading.Event
) -> int:
    """Wait until a container has ended, and give its exit code."""
    deadline = time.monotonic() + CARRIED_WITHIN_S
    while not (detail := engine.inspect(container)).state.has_ended:
        if time.monotonic() >= deadline:
            raise _describe_hang(engine, container, detail.name, carry)
        if cancelled.wait(INTERVAL_S):
            raise InterruptedError(detail.name)
    return detail.exit_code


def _describe_hang(engine: Engine, container: str, name: str, carry: CarryOver) -> CarryError:
    return CarryError(
        f"the cache of {carry.spec.name} could not be carried over from {carry.to.other} to "
        f"{carry.to} and was left as it is: the container {name} did not end within "
        f"{CARRIED_WITHIN_S / 60:.0f} minutes and was stopped{read_last_lines(engine, container)}",
        f"Look at the disk of {carry.spec.data_folder}: it may hang, or be very slow. Then "
        f"`wb run {carry.spec.instance}`; or set cachePersistence back to {carry.to.other}.",
    )
