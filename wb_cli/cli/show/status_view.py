"""The tables of `wb status`. Unknown is shown as `?`, and what does not apply as `-`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from wb_cli.cli.show.days_left import show_certificate
from wb_cli.cli.show.proven import show_proven
from wb_cli.cli.show.tables import Column, Give, StateCell
from wb_cli.contract import Part
from wb_cli.instances.selectors import HERE
from wb_cli.observe.status.instance_state import Condition, InstanceState, count_states
from wb_cli.observe.status.usage import add_up
from wb_cli.quantities import describe_age, describe_duration, describe_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wb_cli.cli.show.tables import Cell
    from wb_cli.observe.status.instance_state import InstanceStatus, PartStatus

UNKNOWN, NONE = "?", "-"
DOWN = {Condition.STOPPED, Condition.CREATED, Condition.EXITED, Condition.DEAD}
FLEET = (
    Column("ID"),
    Column("STATE"),
    Column("VERSION", drop=1),
    Column("UPTIME", drop=2),
    Column("URL", drop=3),
    Column("REASON", Give.CUT, drop=4),
)
HOST = Column("HOST", drop=4)
WIDE = (
    Column("ID"),
    Column("STATE"),
    Column("VERSION", drop=1),
    Column("UPTIME", drop=4),
    Column("CPU", drop=13),
    Column("MEMORY", drop=14),
    Column("NETWORK IN/OUT", drop=3),
    Column("DATABASE", drop=12),
    Column("CACHE", drop=7),
    Column("KEYS", drop=9),
    Column("SAVED", drop=5),
    Column("HITS", drop=8),
    Column("WARM-UP", drop=6),
    Column("CERTIFICATE", drop=10),
    Column("PROVEN/RESTORE", drop=10),
    Column("URL", drop=2),
    Column("REASON", Give.CUT, drop=11),
)
CONTAINERS = (
    Column("CONTAINER"),
    Column("STATE"),
    Column("SINCE", drop=3),
    Column("PORTS", drop=4),
    Column("IMAGE", drop=1),
    Column("DETAIL", Give.WRAP, drop=5),
)
CONTAINERS_WIDE = (
    *CONTAINERS[:3],
    Column("CPU", drop=7),
    Column("MEMORY", drop=6),
    Column("NETWORK IN/OUT", drop=2),
    *CONTAINERS[3:],
)


def choose_columns(statuses: Iterable[InstanceStatus], *, wide: bool = False) -> tuple[Column, ...]:
    """Choose the columns. The host is among them if an instance is on another one."""
    columns = WIDE if wide else FLEET
    return (*columns[:2], HOST, *columns[2:]) if _has_hosts(statuses) else columns


def _has_hosts(statuses: Iterable[InstanceStatus]) -> bool:
    return any(status.host for status in statuses)


def make_fleet_rows(
    statuses: Sequence[InstanceStatus], *, wide: bool = False
) -> list[tuple[Cell, ...]]:
    """Make one row for each instance."""
    now, has_hosts = time.time(), _has_hosts(statuses)
    return [_make_fleet_row(status, now, wide=wide, has_host=has_hosts) for status in statuses]


def _make_fleet_row(
    status: InstanceStatus, now: float, *, wide: bool, has_host: bool
) -> tuple[Cell, ...]:
    is_unknown = status.state is InstanceState.UNKNOWN
    return (
        status.id,
        StateCell(status.state),
        *((status.host or HERE,) if has_host else ()),
        status.version or UNKNOWN,
        UNKNOWN if is_unknown else _describe_uptime(status.platform, now),
        *(_make_usage_cells(status) if wide else ()),
        status.url or (UNKNOWN if is_unknown else NONE),
        "; ".join(status.notes),
    )


def make_container_rows(status: InstanceStatus, *, wide: bool = False) -> list[tuple[Cell, ...]]:
    """Make one row for each container of an instance."""
    now = time.time()
    return [
        (
            part.part,
            StateCell(part.state),
            _describe_since(part, now),
            *(_make_part_usage_cells(part) if wide else ()),
            " ".join(part.ports) or _absent(part),
            part.image or _absent(part),
            part.detail,
        )
        for part in status.parts
    ]


def summarise(statuses: Sequence[InstanceStatus]) -> str:
    """Sum up the fleet in a line."""
    word = "instance" if len(statuses) == 1 else "instances"
    return f"{len(statuses)} {word}: {count_states(statuses)}"


def fit_height(statuses: Sequence[InstanceStatus], lines: int) -> list[InstanceStatus]:
    """Choose the instances for which there is room: the worst first, in their own order."""
    if len(statuses) <= lines:
        return list(statuses)
    worst = sorted(range(len(statuses)), key=lambda i: (statuses[i].state.severity, i))
    return [statuses[i] for i in sorted(worst[: max(lines, 0)])]


def _absent(part: PartStatus) -> str:
    return UNKNOWN if part.state is Condition.UNKNOWN else NONE


def _describe_uptime(platform: PartStatus | None, now: float) -> str:
    if not platform or platform.state in DOWN or platform.exit_code is not None:
        return NONE
    return UNKNOWN if platform.since is None else describe_duration(now - platform.since)


def _describe_since(part: PartStatus, now: float) -> str:
    return _absent(part) if part.since is None else describe_duration(now - part.since)


def _make_usage_cells(status: InstanceStatus) -> tuple[Cell, ...]:
    """Make the cells of what an instance uses, the sum of its containers."""
    running = [part.facts["usage"] for part in status.parts if "usage" in part.facts]
    valkey, postgres = status.find(Part.VALKEY), status.find(Part.POSTGRES)
    held = valkey.facts.get("valkey", {}) if valkey else {}
    return (
        _show(add_up(used["cpuPercent"] for used in running), _describe_percent, running),
        _show(add_up(used["memoryBytes"] for used in running), describe_size, running),
        _describe_network(running),
        _show(_get(postgres, "databaseBytes"), describe_size, _is_up(postgres)),
        _show(held.get("usedMemoryBytes"), describe_size, _is_up(valkey)),
        _show(held.get("keys"), "{:,}".format, _is_up(valkey)),
        _describe_save(held) if held else _show(None, str, _is_up(valkey)),
        _show(held.get("hitShare"), "{:.0%}".format, _is_up(valkey) and not held),
        _describe_warm_up(status.platform),
        show_certificate(status.certificate),
        show_proven(status.backup),
    )


def _make_part_usage_cells(part: PartStatus) -> tuple[str, ...]:
    used = [part.facts["usage"]] if "usage" in part.facts else []
    return (
        _show(add_up(usage["cpuPercent"] for usage in used), _describe_percent, used),
        _show(add_up(usage["memoryBytes"] for usage in used), describe_size, used),
        _describe_network(used),
    )


def _show(value: Any, describe: Callable[[Any], str], is_there: object) -> str:
    """Show a value. One that is not known is no zero, and a container that is down has none."""
    if value is not None:
        return describe(value)
    return UNKNOWN if is_there else NONE


def _describe_network(running: Sequence[dict[str, Any]]) -> str:
    received, sent = (
        _show(add_up(used[name] for used in running), describe_size, running)
        for name in ("receivedBytes", "sentBytes")
    )
    return received if received == sent and not running else f"{received} / {sent}"


def _describe_percent(value: float) -> str:
    return f"{value:.1f}%"


def _describe_save(held: dict[str, Any]) -> str:
    ago = describe_age(held["lastSave"])
    return ago if held["lastSaveSucceeded"] else f"FAILED {ago}"


def _describe_warm_up(platform: PartStatus | None) -> str:
    """Show how far a warm-up is while it runs."""
    warm_up = _get(platform, "warmUp")
    if not warm_up:
        return UNKNOWN if _is_up(platform) else NONE
    if warm_up["state"] == "warm" or not warm_up["entries"]:
        return NONE if warm_up["state"] == "warm" else str(warm_up["phase"])
    return f"{(warm_up['fromL2'] + warm_up['fromDatabase']) / warm_up['entries']:.0%}"


def _get(part: PartStatus | None, name: str) -> Any:
    return part.facts.get(name) if part else None


def _is_up(part: PartStatus | None) -> bool:
    return part is not None and part.state not in DOWN
