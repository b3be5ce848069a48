"""Ask a part of an instance for its condition."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from wb_cli import contract
from wb_cli.contract import Part
from wb_cli.engine.types import ContainerSpec, Health, State
from wb_cli.errors import EngineError, NotFoundError
from wb_cli.lifecycle.readiness import health_report, probes
from wb_cli.lifecycle.readiness.health import probe
from wb_cli.lifecycle.readiness.probes import Answer, Verdict
from wb_cli.lifecycle.receiving import report as receiver_report
from wb_cli.observe.status.instance_state import Condition
from wb_cli.quantities import describe_duration, describe_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ContainerDetail, ObservedContainer
    from wb_cli.lifecycle.machine.base import Machine

VALKEY_INFO = ("valkey-cli", "info")


class PartReport(Struct, frozen=True):
    """A part's condition, its own report as text, and the same report as facts for ``--json``."""

    condition: Condition
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def ask(  # noqa: PLR0913  (the container, and the ways to ask it)
    engine: Engine,
    part: Part,
    container: ObservedContainer,
    detail: ContainerDetail,
    *,
    closely: bool = True,
    machine: Machine | None = None,
) -> PartReport:
    """Ask a container for its condition, with the same probes as a start.

    ``closely`` asks Valkey what it holds, too.
    """
    if detail.state is not State.RUNNING:
        return PartReport(Condition(detail.state), describe_exit(detail))
    if container.is_stopping:
        return PartReport(Condition.STOPPING, "it was told to stop, and still runs")
    instance = container.instance or ""
    spec = ContainerSpec(instance, part, container.image, ports=container.ports)
    answer = probe(engine, spec, detail, machine)
    if part is Part.VALKEY and answer.verdict is Verdict.READY and closely:
        return _report_valkey(_read_valkey(engine, detail, instance))
    if part is Part.WAL:
        return _report_receiver(answer, detail, time.time())
    if part is Part.PLATFORM:
        return _report_platform(answer, detail)
    return PartReport(_condition(answer, detail))


def describe_ending(engine: Engine, container: ObservedContainer, started_at: str = "") -> str:
    """Say in a sentence how a container ended. Empty if it still runs since ``started_at``."""
    try:
        detail = engine.inspect(container.id)
    except NotFoundError:
        return f"{container.name} was removed"
    if detail.state.has_ended:
        return f"{container.name} {describe_end(detail)}"
    is_another_run = bool(started_at) and detail.started_at != started_at
    return f"{container.name} ended, and was started again" if is_another_run else ""


def describe_end(detail: ContainerDetail) -> str:
    """Say how a container ended: ``exited with code 137 (out of memory)``."""
    return f"exited with code {detail.exit_code}" + " (out of memory)" * detail.oom_killed


def describe_exit(detail: ContainerDetail) -> str:
    """Say how a container ended: its exit code, and whether its memory was too small."""
    if not detail.state.has_ended:
        return ""
    return f"exit code {detail.exit_code}" + (" (out of memory)" if detail.oom_killed else "")


def _condition(answer: Answer, detail: ContainerDetail) -> Condition:
    if answer.verdict is Verdict.READY:
        return Condition.HEALTHY
    return Condition.UNHEALTHY if detail.health is Health.UNHEALTHY else Condition.STARTING


def _report_receiver(answer: Answer, detail: ContainerDetail, now: float) -> PartReport:
    """Say how much would be lost. A receiver that is far behind is not well."""
    report = receiver_report.parse(answer.text) if answer.verdict is Verdict.READY else None
    if not report:
        return PartReport(_condition(Answer(Verdict.NOT_YET), detail), "no WAL comes")
    is_well = not report.until or not report.is_late(now)
    condition = Condition.HEALTHY if is_well else Condition.UNHEALTHY
    return PartReport(condition, report.describe(now), {"wal": report.as_document()})


def _report_platform(answer: Answer, detail: ContainerDetail) -> PartReport:
    report = health_report.parse(answer.text)
    if not report:
        return PartReport(_condition(answer, detail))
    condition = _condition(answer, detail)
    if not report.has_database and not report.is_young:
        condition = Condition.UNHEALTHY
    return PartReport(condition, str(report), report.as_document())


def _read_valkey(engine: Engine, detail: ContainerDetail, instance: str) -> Mapping[str, str]:
    """Read the fields of Valkey's INFO: over the network, or else from inside the container."""
    address = detail.addresses.get(instance, "") if engine.is_local else ""
    if address and (info := probes.read_valkey_info(address, contract.VALKEY_PORT)):
        return info
    try:
        code, output = engine.execute(detail.id, VALKEY_INFO)
    except EngineError:  # it may have exited meanwhile
        return {}
    return probes.parse_valkey_info(output) if code == 0 else {}


def _report_valkey(info: Mapping[str, str]) -> PartReport:
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
    hits, misses = (int(info.get(f"keyspace_{name}", 0)) for name in ("hits", "misses"))
    facts = {
        "keys": keys,
        "usedMemoryBytes": used,
        "lastSave": datetime.fromtimestamp(saved_at, UTC).isoformat().replace("+00:00", "Z"),
        "lastSaveSucceeded": saved,
        "hitShare": round(hits / (hits + misses), 4) if hits + misses else None,
    }
    return PartReport(Condition.HEALTHY, detail, {"valkey": facts})
