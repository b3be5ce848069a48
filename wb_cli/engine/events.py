"""What happens to the containers of instances, as the engine tells it. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from wb_cli.contract import Part
from wb_cli.engine.types import LABEL_INSTANCE, LABEL_ROLE, ContainerDetail, list_names

NANOSECOND = 10**9


class Happening(StrEnum):
    """What happened to a container, in the engine's own words.

    ``SIGNALLED`` says that its process was sent a signal, ``ENDED`` that its process has ended.
    """

    CREATED = "create"
    STARTED = "start"
    SIGNALLED = "kill"
    ENDED = "die"
    OUT_OF_MEMORY = "oom"
    PAUSED = "pause"
    UNPAUSED = "unpause"
    RENAMED = "rename"
    HEALTH = "health_status"
    REMOVED = "destroy"


class Event(Struct, frozen=True):
    """One thing that happened to one container of an instance.

    ``when`` is RFC 3339, by the engine's clock. ``part`` is ``None`` if the container has no such
    label. ``exit_code`` is known for an end alone, ``signal`` for a signal.
    """

    when: str
    container: str
    name: str
    instance: str
    part: Part | None
    what: Happening
    exit_code: int | None = None
    signal: int | None = None


def filter_events(instance: str = "") -> dict[str, Any]:
    """The engine's filter for the events of all instances, or of one."""
    label = f"{LABEL_INSTANCE}={instance}" if instance else LABEL_INSTANCE
    return {"type": "container", "label": label, "event": list(Happening)}


def read_event(document: Mapping[str, Any]) -> Event | None:
    """Read an event of the engine; ``None`` if it is not about a container of an instance.

    A container that is made from a commit of wb's container inherits its label. So its name, or the
    name that it had before, must be one of the instance's names, too.
    """
    what = _read_happening(document)
    attributes = document["Actor"].get("Attributes") or {}
    instance = attributes.get(LABEL_INSTANCE)
    role = attributes.get(LABEL_ROLE)
    part = Part(role) if role in set(Part) else None
    name, old_name = (
        str(attributes.get(key) or "").removeprefix("/") for key in ("name", "oldName")
    )
    if what is None or not instance or not {name, old_name} & list_names(instance, part):
        return None
    return Event(
        when=format_time(document["timeNano"]),
        container=document["Actor"]["ID"],
        name=name,
        instance=instance,
        part=part,
        what=what,
        exit_code=_read_number(attributes.get("exitCode")) if what is Happening.ENDED else None,
        signal=_read_number(attributes.get("signal")) if what is Happening.SIGNALLED else None,
    )


def _read_happening(document: Mapping[str, Any]) -> Happening | None:
    """Read the action. That of a health check has its result behind a colon."""
    action = str(document["Action"]).partition(":")[0]
    return Happening(action) if action in set(Happening) else None


def _read_number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def format_time(nanoseconds: int) -> str:
    """Format a time of the engine, in nanoseconds since the epoch, as RFC 3339."""
    seconds, rest = divmod(nanoseconds, NANOSECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def recall_end(events: Iterable[Event], detail: ContainerDetail) -> dict[str, Any]:
    """Read from the engine's events how a container ended last that runs again. Pure."""
    end: dict[str, Any] = {}
    is_out_of_memory = detail.oom_killed
    for event in events:
        if event.container != detail.id:
            continue
        if event.what is Happening.ENDED:
            end = {"exit_code": event.exit_code, "oom_killed": is_out_of_memory}
        elif event.what is Happening.STARTED:
            is_out_of_memory = False
        elif event.what is Happening.OUT_OF_MEMORY:
            is_out_of_memory = True
    return end
