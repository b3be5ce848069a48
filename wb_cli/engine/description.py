"""What an engine says of itself and of the machine that it runs on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class EngineDescription(Struct, frozen=True):
    """An engine and its machine.

    ``root`` is the folder of its images and containers. ``memory`` is in bytes, 0 if it does not
    say. ``clock_ahead_s`` is how far its machine's clock is ahead of this machine's clock. The
    engine writes ``warnings`` itself.
    """

    version: str
    storage_driver: str
    log_driver: str
    root: str
    kernel: str
    memory: int
    clock_ahead_s: float
    warnings: tuple[str, ...] = ()


def read_description(info: Mapping[str, Any], asked_at: float) -> EngineDescription:
    """Read the engine's answer. ``asked_at`` is this machine's time in the middle of the call."""
    return EngineDescription(
        version=info.get("ServerVersion", ""),
        storage_driver=info.get("Driver", ""),
        log_driver=info.get("LoggingDriver", ""),
        root=info.get("DockerRootDir", ""),
        kernel=info.get("KernelVersion", ""),
        memory=info.get("MemTotal", 0),
        clock_ahead_s=_measure_clock_ahead_s(info.get("SystemTime", ""), asked_at),
        warnings=tuple(info.get("Warnings") or ()),
    )


def _measure_clock_ahead_s(system_time: str, asked_at: float) -> float:
    return datetime.fromisoformat(system_time).timestamp() - asked_at if system_time else 0.0
