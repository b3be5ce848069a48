"""The figures of a platform: what its `/metrics` counts, and what came in spans of time. Pure.

The names are those of ``wb_cli/server/watch/traffic.py``, ``wb_cli/server/watch/memory.py`` and
``wb_cli/server/http/metrics.py``.
"""

from __future__ import annotations

import re
from statistics import fmean
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REQUESTS, DURATIONS = "wb_http_requests_total", "wb_http_request_seconds"
UPTIME, WARM = "wb_uptime_seconds", "wb_warm_up_done"
WARM_UP, ENTRIES = "wb_warm_up_seconds", "wb_warm_up_entries"
MEMORY = "process_resident_memory_bytes"
# What wb, monitors and the listener itself ask for is no work of the platform.
NO_WORK = {"metrics", "last_hour", "health_check", "refused"}
SERVER_ERROR = 500
SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: \S+)?")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class WarmUp(Struct, frozen=True):
    """How long a warm-up took, or has taken so far, and how many entries it wants in memory."""

    seconds: float
    entries: int


class Figures(Struct, frozen=True):
    """What a platform has counted since it began. Durations are in seconds, by endpoint.

    ``memory`` is the resident memory of a process in bytes, the mean of all workers, if it is told.
    """

    uptime_s: float
    is_warm: bool
    warm_up: WarmUp
    requests: int
    errors: int
    seconds: Mapping[str, float]
    answers: Mapping[str, int]
    memory: float | None


class Window(Struct, frozen=True):
    """What came between two looks at one process: all requests, failed ones, durations.

    ``memory`` is that at the second look, in bytes.
    """

    requests: int
    errors: int
    seconds: Mapping[str, float]
    answers: Mapping[str, int]
    memory: float | None


class Answered(Struct, frozen=True):
    """What an endpoint answered in a minute, as the platform says it."""

    requests: int
    errors: int
    answers: int
    seconds: float


class Minute(Struct, frozen=True, rename="camel"):
    """What was answered in a minute, by endpoint, and the memory at its end."""

    answered: dict[str, Answered]
    memory_bytes: int | None


class LastHour(Struct, frozen=True):
    """The minutes of the last hour, the oldest first."""

    minutes: list[Minute]


def parse_figures(text: str) -> Figures:
    """Read the figures from the text of `/metrics`.

    Raises:
        WbError: the text does not have them, as that of another program.
    """
    plain: dict[str, list[float]] = {}  # a value of each worker
    seconds: dict[str, float] = {}
    answers: dict[str, int] = {}
    requests = errors = 0
    for name, labels, value in _read_samples(text):
        endpoint = labels.get("endpoint", "")
        if endpoint in NO_WORK:
            continue
        if name == REQUESTS:
            requests += int(value)
            errors += int(value) if int(labels.get("status", "0")) >= SERVER_ERROR else 0
        elif name == f"{DURATIONS}_sum":
            seconds[endpoint] = seconds.get(endpoint, 0.0) + value
        elif name == f"{DURATIONS}_count":
            answers[endpoint] = answers.get(endpoint, 0) + int(value)
        elif labels.keys() <= {"worker"}:
            plain.setdefault(name, []).append(value)
    if missing := [name for name in (UPTIME, WARM, WARM_UP, ENTRIES) if name not in plain]:
        raise WbError(f"its metrics lack {', '.join(missing)}", "`--no-judge` leaves this out.")
    # The worker that began last decides: a later look shows by it that one was replaced.
    uptime, is_warm = min(plain[UPTIME]), all(plain[WARM])
    warm_up = WarmUp(max(plain[WARM_UP]), int(max(plain[ENTRIES])))
    memory = fmean(plain[MEMORY]) if MEMORY in plain else None
    return Figures(uptime, is_warm, warm_up, requests, errors, seconds, answers, memory)


def parse_last_hour(text: bytes) -> list[Window]:
    """Read each minute of the last hour from what the platform answers for it.

    Raises:
        WbError: the answer does not have them, as that of another program.
    """
    try:
        hour = msgspec.json.decode(text, type=LastHour)
    except ValueError as error:
        raise WbError(f"its last hour cannot be read: {error}") from error
    return [_make_window(minute) for minute in hour.minutes]


def _make_window(minute: Minute) -> Window:
    work = {name: answered for name, answered in minute.answered.items() if name not in NO_WORK}
    return Window(
        sum(answered.requests for answered in work.values()),
        sum(answered.errors for answered in work.values()),
        {name: answered.seconds for name, answered in work.items()},
        {name: answered.answers for name, answered in work.items()},
        minute.memory_bytes,
    )


def _read_samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in text.splitlines():
        if found := SAMPLE.fullmatch(line.strip()):
            try:
                value = float(found["value"])
            except ValueError:
                continue
            if value == value and abs(value) != float("inf"):  # noqa: PLR0124  (not a number)
                yield found["name"], dict(LABEL.findall(found["labels"] or "")), value


def find_window(earlier: Figures, later: Figures) -> Window | None:
    """Find what came between two looks; ``None`` if another process runs, or it was not warm yet.

    A process that warms up is slow by that alone.
    """
    if later.uptime_s < earlier.uptime_s or not earlier.is_warm:
        return None
    return Window(
        later.requests - earlier.requests,
        later.errors - earlier.errors,
        {name: value - earlier.seconds.get(name, 0.0) for name, value in later.seconds.items()},
        {name: count - earlier.answers.get(name, 0) for name, count in later.answers.items()},
        later.memory,
    )
