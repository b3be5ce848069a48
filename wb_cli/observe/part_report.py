"""Ask a part of an instance for its condition."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from wb_cli import contract
from wb_cli.contract import Role
from wb_cli.engine.types import ContainerSpec, Health, State
from wb_cli.errors import NotFoundError
from wb_cli.lifecycle.readiness import health_report, probes
from wb_cli.lifecycle.readiness.health import probe
from wb_cli.lifecycle.readiness.probes import Answer, Verdict
from wb_cli.quantities import describe_duration, describe_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ContainerDetail, ObservedContainer


class Condition(StrEnum):
    """The condition of a container. Its value is shown in the output.

    A running container has one of the first four. Any other has the engine's own word.
    """

    HEALTHY = "healthy"
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    STOPPING = "stopping"
    STOPPED = "stopped"
    CREATED = "created"
    EXITED = "exited"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    DEAD = "dead"
    UNKNOWN = "unknown"


class PartReport(Struct, frozen=True):
    """A part's condition, its own report as text, and the same report as facts for ``--json``."""

    condition: Condition
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def ask(
    engine: Engine, role: Role, container: ObservedContainer, detail: ContainerDetail
) -> PartReport:
    """Ask a container for its condition, with the same probes as a start."""
    if detail.state is not State.RUNNING:
        return PartReport(Condition(detail.state), _describe_exit(detail))
    if container.is_stopping:
        return PartReport(Condition.STOPPING, "it was told to stop, and still runs")
    instance = container.instance or ""
    spec = ContainerSpec(instance, role, container.image, ports=container.ports)
    answer = probe(engine, spec, detail)
    if role is Role.VALKEY and answer.verdict is Verdict.READY:
        return _report_valkey(detail.addresses.get(instance, ""))
    if role is Role.PLATFORM:
        return _report_platform(answer, detail)
    return PartReport(_condition(answer, detail))


def describe_ending(engine: Engine, container: ObservedContainer, started_at: str = "") -> str:
    """Say in a sentence how a container ended. Empty if it still runs since ``started_at``."""
    try:
        detail = engine.inspect(container.id)
    except NotFoundError:
        return f"{container.name} was removed"
    if detail.state.has_ended:
        return f"{container.name} ended: {_describe_exit(detail)}"
    is_another_run = bool(started_at) and detail.started_at != started_at
    return f"{container.name} ended, and was started again" if is_another_run else ""


def _describe_exit(detail: ContainerDetail) -> str:
    if not detail.state.has_ended:
        return ""
    return f"exit code {detail.exit_code}" + (" (out of memory)" if detail.oom_killed else "")


def _condition(answer: Answer, detail: ContainerDetail) -> Condition:
    if answer.verdict is Verdict.READY:
        return Condition.HEALTHY
    return Condition.UNHEALTHY if detail.health is Health.UNHEALTHY else Condition.STARTING


def _report_platform(answer: Answer, detail: ContainerDetail) -> PartReport:
    report = health_report.parse(answer.text)
    if not report:
        return PartReport(_condition(answer, detail))
    condition = _condition(answer, detail)
    if not report.has_database and not report.is_young:
        condition = Condition.UNHEALTHY
    return PartReport(condition, str(report), report.as_document())


def _report_valkey(address: str) -> PartReport:
    info = probes.read_valkey_info(address, contract.VALKEY_PORT) if address else {}
    if not info:
        return PartReport(Condition.HEALTHY)
    keys = int((re.search(r"keys=(\d+)", info.get("db0", "")) or [0, 0])[1])
    used = int(info.get("used_memory", 0))
    saved = info.get("rdb_last_bgsave_status") == "ok"
    saved_at = int(info.get("rdb_last_save_time", "0"))
    ago = describe_duration(int(info.get("server_time_usec", "0")) // 10**6 - saved_at)
    detail = (
        f"{keys:,} keys, {describe_size(used)}, last save {'ok' if saved else 'FAILED'} {ago} ago"
    )
    facts = {
        "keys": keys,
        "usedMemoryBytes": used,
        "lastSave": datetime.fromtimestamp(saved_at, UTC).isoformat().replace("+00:00", "Z"),
        "lastSaveSucceeded": saved,
    }
    return PartReport(Condition.HEALTHY, detail, {"valkey": facts})
