"""The cells of `wb status`: unknown is `?`, what does not apply is `-`, and neither is zero."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from wb_cli.cli.show.status_view import (
    CONTAINERS,
    FLEET,
    WIDE,
    make_container_rows,
    make_fleet_rows,
)
from wb_cli.contract import Part
from wb_cli.errors import WbError
from wb_cli.host.web.x509 import Certificate
from wb_cli.lifecycle.record.backup_record import Kept
from wb_cli.observe.backups import BackupStatus
from wb_cli.observe.certificates import CertificateStatus
from wb_cli.observe.status.instance_state import (
    Condition,
    InstanceState,
    InstanceStatus,
    PartStatus,
)
from wb_cli.observe.status.usage import PartUsage

USAGE = PartUsage(12.5, 66_560, 2**30, 2048, 1024).as_document()
HELD = {
    "keys": 1234,
    "usedMemoryBytes": 66_560,
    "lastSave": "2020-01-01T00:00:00Z",
    "lastSaveSucceeded": True,
    "hitShare": 0.931,
}
WARMING = {"state": "ready", "phase": "database", "entries": 200, "fromL2": 50, "fromDatabase": 40}


def part(part: Part, state: Condition = Condition.HEALTHY, **facts: Any) -> PartStatus:
    return PartStatus(
        part,
        part.container_name("demo"),
        state,
        since=time.time() - 300,
        facts=facts,
        container="c",
    )


def running(**changes: Any) -> InstanceStatus:
    parts = {
        "postgres": part(Part.POSTGRES, usage=USAGE, databaseBytes=3 * 1024**2),
        "valkey": part(Part.VALKEY, usage=USAGE, valkey=HELD),
        "platform": part(Part.PLATFORM, usage=USAGE, warmUp=WARMING),
    } | changes
    return InstanceStatus(
        "demo", InstanceState.RUNNING, tuple(parts.values()), version="1.7.0", url="http://x:1"
    )


def shown(status: InstanceStatus) -> dict[str, str]:
    (row,) = make_fleet_rows([status], wide=True)
    return {column.heading: str(cell) for column, cell in zip(WIDE, row, strict=True)}


def test_an_instance_has_the_sum_of_what_its_containers_use() -> None:
    assert shown(running()) == {
        "ID": "demo",
        "STATE": "running",
        "VERSION": "1.7.0",
        "UPTIME": "5m",
        "CPU": "37.5%",
        "MEMORY": "195.0 KiB",
        "NETWORK IN/OUT": "6.0 KiB / 3.0 KiB",
        "DATABASE": "3.0 MiB",
        "CACHE": "65.0 KiB",
        "KEYS": "1,234",
        "SAVED": shown(running())["SAVED"],
        "HITS": "93%",
        "WARM-UP": "45%",
        "CERTIFICATE": "-",
        "PROVEN/RESTORE": "-",
        "URL": "http://x:1",
        "REASON": "",
    }
    assert shown(running())["SAVED"].endswith("d")


def test_what_a_part_did_not_tell_is_unknown_and_the_sum_with_it() -> None:
    hung = part(Part.VALKEY, usage=PartUsage().as_document())
    cells = shown(running(valkey=hung, postgres=part(Part.POSTGRES, usage=USAGE)))
    unknown = {name for name, cell in cells.items() if "?" in cell}
    assert unknown == {
        "CPU", "MEMORY", "NETWORK IN/OUT", "DATABASE", "CACHE", "KEYS", "SAVED", "HITS",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "name", "cell"),
    [
        ({"valkey": part(Part.VALKEY, valkey=HELD | {"lastSaveSucceeded": False})}, "SAVED", "FAI"),
        ({"valkey": part(Part.VALKEY, valkey=HELD | {"hitShare": None})}, "HITS", "-"),
        ({"platform": part(Part.PLATFORM, warmUp=WARMING | {"state": "warm"})}, "WARM-UP", "-"),
        ({"platform": part(Part.PLATFORM)}, "WARM-UP", "?"),
        ({"platform": part(Part.PLATFORM, Condition.EXITED)}, "WARM-UP", "-"),
        ({"platform": part(Part.PLATFORM, Condition.EXITED)}, "UPTIME", "-"),
        ({"postgres": part(Part.POSTGRES, Condition.EXITED)}, "DATABASE", "-"),
    ],
)
def test_a_cell_tells_what_is_known(changes: dict[str, Any], name: str, cell: str) -> None:
    assert shown(running(**changes))[name].startswith(cell)


def lasting(days: float) -> CertificateStatus:
    """The certificate of an instance that ends so many days from now, of 90."""
    ends = time.time() + days * 86_400
    certificate = Certificate(("demo.example.org",), "R11", ends - 90 * 86_400, ends, "digest")
    return CertificateStatus("demo", "demo.example.org", has_https=True, served=certificate)


@pytest.mark.parametrize(
    ("certificate", "cell", "state"),
    [
        (lasting(60.5), "60d", "healthy"),
        (lasting(20.5), "20d", "degraded"),
        (lasting(6.5), "6d", "failed"),
        (lasting(-1), "expired", "broken"),
        (CertificateStatus("demo", "x", has_https=True, problem="nobody answers"), "?", ""),
        (CertificateStatus("demo", "x"), "-", ""),
        (WbError("cannot read"), "?", ""),
        (None, "-", ""),
    ],
)
def test_a_certificate_shows_the_days_that_are_left(
    certificate: CertificateStatus | WbError | None, cell: str, state: str
) -> None:
    status = replace(running(), certificate=certificate)
    (row,) = make_fleet_rows([status], wide=True)
    found = row[[column.heading for column in WIDE].index("CERTIFICATE")]
    assert (str(found), getattr(found, "state", "")) == (cell, state)


def backups(days: float, **more: Any) -> BackupStatus:
    """Backups of which the last proven one was made so many days ago; 0 means never."""
    made = datetime.now(UTC) - timedelta(days=days, minutes=1)
    proven = made.isoformat() if days else ""
    return BackupStatus("", Kept(made.isoformat(), made.isoformat(), proven, 45.2, **more))


@pytest.mark.parametrize(
    ("backup", "cell", "state"),
    [
        (backups(3), "3d / 45s", ""),
        (backups(3, has_failed=True), "3d / 45s", "failed"),
        (backups(0), "never proven", "degraded"),
        (backups(0, has_failed=True), "never proven", "failed"),
        (BackupStatus(""), "-", ""),
        (WbError("locked"), "?", ""),
        (None, "-", ""),
    ],
)
def test_a_proven_backup_shows_what_would_be_lost_and_how_long_one_would_wait(
    backup: BackupStatus | WbError | None, cell: str, state: str
) -> None:
    (row,) = make_fleet_rows([replace(running(), backup=backup)], wide=True)
    found = row[[column.heading for column in WIDE].index("PROVEN/RESTORE")]
    assert (str(found), getattr(found, "state", "")) == (cell, state)


def test_without_an_engine_uptime_and_address_are_unknown() -> None:
    unknown = PartStatus(Part.PLATFORM, "demo", Condition.UNKNOWN)
    status = InstanceStatus("demo", InstanceState.UNKNOWN, (unknown,), version="1.7.0")
    (row,) = make_fleet_rows([status])
    assert tuple(map(str, row)) == ("demo", "unknown", "1.7.0", "?", "?", "")
    assert len(row) == len(FLEET)
    (container,) = make_container_rows(status)
    assert tuple(map(str, container)) == ("platform", "unknown", "?", "?", "?", "")
    assert len(container) == len(CONTAINERS)


def test_a_stopped_instance_has_neither_uptime_nor_address() -> None:
    stopped = PartStatus(Part.PLATFORM, "demo", Condition.STOPPED)
    status = InstanceStatus("demo", InstanceState.STOPPED, (stopped,), version="1.7.0")
    (row,) = make_fleet_rows([status])
    assert tuple(map(str, row)) == ("demo", "stopped", "1.7.0", "-", "-", "")
