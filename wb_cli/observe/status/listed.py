"""Read the sentence with which the engine lists a container: ``Up 5 minutes (healthy)``. Pure."""

import re

from msgspec import Struct

from wb_cli.engine.types import ContainerDetail, Health, ObservedContainer, State
from wb_cli.quantities import DAY_S, HOUR_S, MINUTE_S

UNITS_S = {
    "second": 1,
    "minute": MINUTE_S,
    "hour": HOUR_S,
    "day": DAY_S,
    "week": 7 * DAY_S,
    "month": 30 * DAY_S,
    "year": 365 * DAY_S,
}
# The engine writes "About an hour", and then rounds to the nearest hour.
ROUNDED_S = HOUR_S / 2
# A container is started this long after its creation, at most, if nothing delays it.
STARTS_WITHIN_S = 10


class Listed(Struct, frozen=True):
    """What the sentence says: since when at least and at most (in seconds), and how it ended."""

    at_least_s: float | None = None
    at_most_s: float | None = None
    health: Health = Health.NONE
    exit_code: int | None = None


def read_sentence(status: str) -> Listed:
    """Read the sentence. What it does not say stays ``None``."""
    code = re.match(r"\w+ \((\d+)\)", status)
    health = re.search(r"\((?:health: )?(starting|healthy|unhealthy)\)", status)
    at_least, at_most = _read_age(status)
    return Listed(
        at_least,
        at_most,
        Health(health[1]) if health else Health.NONE,
        int(code[1]) if code else None,
    )


def _read_age(status: str) -> tuple[float | None, float | None]:
    if "Less than a second" in status:
        return 0, 1
    found = re.search(r"(\d+|About an?) (second|minute|hour|day|week|month|year)s?\b", status)
    if not found:
        return None, None
    unit = UNITS_S[found[2]]
    count = int(found[1]) if found[1].isdigit() else 1
    slack = ROUNDED_S if found[2] == "hour" else 0
    return count * unit - slack, (count + 1) * unit


def describe_listed(container: ObservedContainer) -> ContainerDetail:
    """Give the details of a container as far as the listing has them.

    There is no time, no restart policy and no number of restarts among them.
    """
    listed = read_sentence(container.status)
    return ContainerDetail(
        id=container.id,
        name=container.name,
        state=container.state,
        exit_code=listed.exit_code or 0,
        started_at="",
        restart_policy="",
        addresses=container.addresses,
        health=listed.health,
    )


def needs_inspection(container: ObservedContainer, now: float) -> bool:
    """Whether the listing leaves open how a container stands.

    The listing does not say whether a container was killed for its memory, nor how often the engine
    has restarted it. It may have done so if the container is older than its process.
    """
    if container.state is State.CREATED:
        return False
    if container.state is not State.RUNNING:
        return True
    listed = read_sentence(container.status)
    if listed.at_most_s is None or not container.created:
        return True
    return now - container.created > listed.at_most_s + STARTS_WITHIN_S
