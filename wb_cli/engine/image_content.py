"""What an image is made of, and what an engine says of its store of images."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

# Such an engine keeps its images in containerd.
CONTAINERD = "io.containerd.snapshotter"


class ImageContent(Struct, frozen=True):
    """An image's layers, lowest first, and a fingerprint of the rest of it.

    Engines that keep their images in different ways give the same image different ids.
    """

    id: str
    layers: tuple[str, ...] = ()
    rest: str = ""
    architecture: str = ""
    bytes: int = 0

    def equals(self, other: ImageContent | None) -> bool:
        """Whether both are the same image, on whatever engine."""
        if other is None:
            return False
        return self.id == other.id or (self.layers, self.rest) == (other.layers, other.rest)


class StoreInfo(Struct, frozen=True):
    """The processor that an engine's images must be for, and how the engine keeps them.

    ``completes_images`` says that it takes an image without the layers that it has already.
    """

    architecture: str
    completes_images: bool


def read_content(inspected: Mapping[str, Any]) -> ImageContent:
    """Read the inspection of an image."""
    root = inspected.get("RootFS") or {}
    names = ("Created", "Os", "Architecture", "Variant", "Config")
    made = {name: inspected.get(name) for name in names}
    text = json.dumps(_without_empty(made), sort_keys=True)
    return ImageContent(
        id=inspected["Id"],
        layers=tuple(root.get("Layers") or ()),
        rest=hashlib.sha256(text.encode()).hexdigest(),
        architecture=inspected.get("Architecture") or "",
        bytes=inspected.get("Size") or 0,
    )


def read_store(info: Mapping[str, Any], version: Mapping[str, Any]) -> StoreInfo:
    """Read what an engine says of itself in answer to ``/info`` and ``/version``."""
    is_containerd = CONTAINERD in str(info.get("DriverStatus"))
    return StoreInfo(version.get("Arch") or "", completes_images=not is_containerd)


def _without_empty(value: Any) -> Any:
    """Leave out what is empty. Some engines leave it out of their answers, too."""
    if isinstance(value, dict):
        kept = {name: _without_empty(entry) for name, entry in value.items()}
        return {name: entry for name, entry in kept.items() if entry}
    return value
