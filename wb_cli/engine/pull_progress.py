"""What the engine's stream says of a pull, layer by layer, added up."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

DONE = {"Pull complete", "Already exists"}
FETCHED = {"Verifying Checksum", "Download complete", "Extracting", *DONE}


class PullProgress(Struct, frozen=True):
    """How far a pull is: layers that are in place, bytes that came, bytes expected so far.

    A layer's size is known once it starts to come, so ``total`` grows. ``note`` is what else
    there is to say.
    """

    layers_done: int = 0
    layers: int = 0
    done: int = 0
    total: int = 0
    note: str = ""

    def __str__(self) -> str:
        """Short words for a progress line."""
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
        """Take in one event of the stream, and say how far the pull is now."""
        status = event.get("status", "")
        if "id" in event and not status.startswith("Pulling from"):
            self._note(self._layers.setdefault(event["id"], _Layer()), status, event)
        layers = self._layers.values()
        return PullProgress(
            layers_done=sum(layer.is_complete for layer in layers),
            layers=len(layers),
            done=sum(layer.done for layer in layers),
            total=sum(layer.total for layer in layers),
        )

    @staticmethod
    def _note(layer: _Layer, status: str, event: Mapping[str, Any]) -> None:
        numbers = event.get("progressDetail") or {}
        if status == "Downloading":
            layer.done = numbers.get("current", layer.done)
            layer.total = numbers.get("total", layer.total)
        elif status in FETCHED:
            layer.done = layer.total
        layer.is_complete = layer.is_complete or status in DONE
