"""A root file system that no program in a container can write to, where its image allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# An image with this label works on such a root. Its value names the folders that the image writes
# to besides those that are mounted, with a space between them. An image that has no such label, or
# an empty one, keeps a writable root.
LABEL_CLOSED_ROOT = "wb.read-only"
# The folders lie in memory and are empty at each start. One that is in the image becomes root's and
# keeps its mode, so the image must have it open to every user that writes there.
OPTIONS = "rw,nosuid,nodev,noexec,mode=1777,size=256m"


def list_written(inspected: Mapping[str, Any]) -> tuple[str, ...]:
    """List the folders that an image writes to, if it works on a closed root; else none.

    ``inspected`` is the engine's inspection of the image.
    """
    labels = (inspected.get("Config") or {}).get("Labels") or {}
    folders = str(labels.get(LABEL_CLOSED_ROOT, "")).split()
    return tuple(folder for folder in folders if folder.startswith("/"))


def close_root(written: Sequence[str], mounted: Collection[str]) -> dict[str, Any]:
    """Give the arguments of a host configuration that close the root.

    There are none if the image writes to no folder that it names. What is ``mounted`` stays so.
    """
    in_memory = {folder: OPTIONS for folder in written if folder not in mounted}
    return {"read_only": True, "tmpfs": in_memory} if written else {}
