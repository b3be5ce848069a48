"""Add up the progress of a pull from the engine's events about its layers."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

DONE = {"Pull complete", "Already exists"}
FETCHED = {"Verifying Checksum", "Download complete", "Extracting", *DONE}


class PullProgress(Struct, frozen=True):
    """The progress of a pull: finished layers, all layers, fetched bytes, expected bytes.

    The size of a layer is known when its download begins, so ``total`` grows. ``note`` is a text
    that is shown instead of the numbers.
    """

    layers_done: int = 0
    layers: int = 0
    done: int = 0
    total: int = 0
    note: str = ""

    def __str__(self) -> str:
        """A short text for a line of progress."""
        if self.note:
            return self.note
        return f"{self.layers_done}/{self.layers} layers" if self.layers else "asking the registry"


class _Layer(Struct):
    done: int = 0
    total: int = 0
    is_complete: bool = False


class Tally:
    """Adds up the events of one pull."""

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}

    def add(self, event: Mapping[str, Any]) -> PullProgress:
        """Add one event of the stream. Return the progress of the pull."""
        status = event.get("status", "")
        if "id" in event and not status.startswith("Pulling from"):
            self._update(self._layers.setdefault(event["id"], _Layer()), status, event)
        layers = self._layers.values()
        return PullProgress(
            layers_done=sum(layer.is_complete for layer in layers),
            layers=len(layers),
            done=sum(layer.done for layer in layers),
            total=sum(layer.total for layer in layers),
        )

    @staticmethod
    def _update(layer: _Layer, status: str, event: Mapping[str, Any]) -> None:
        numbers = event.get("progressDetail") or {}
        if status == "Downloading":
            layer.done = numbers.get("current", layer.done)
            layer.total = numbers.get("total", layer.total)
        elif status in FETCHED:
            layer.done = layer.total
        layer.is_complete = layer.is_complete or status in DONE
