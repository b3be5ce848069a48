"""Limits of every part, PostgreSQL's own settings, and the rotation of logs, on the real engine."""

import re
from typing import Any

import pytest
from support.wb_host import Host

from wb_cli.contract import Part
from wb_cli.instances.postgres_settings import SETTINGS, parse_one

pytestmark = [pytest.mark.engine, pytest.mark.long]

UNITS = {"kB": 1, "8kB": 8, "MB": 1024, "ms": 1, "s": 1000, "": 1}
COUNTS = {"kB": 1, "MB": 1024, "GB": 1024**2, "TB": 1024**3} | {
    "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000,
}  # fmt: skip
MIB = 1024**2


def read_limits(host: Host, name: str) -> tuple[Any, ...]:
    config = host.inspect(name)["HostConfig"]
    return config["Memory"] // MIB, config["NanoCpus"] / 1e9, config["ShmSize"] // MIB


def test_what_is_declared_for_each_part_holds_and_only_that_part_is_replaced(host: Host) -> None:
    demo = host.prepare()
    host.wb("run", demo)
    before = host.ids(demo)
    assert read_limits(host, f"{demo}-postgres") == (0, 0, 256)
    host.wb("config", "set", demo, "postgresMemory=300m", "postgresCpus=1.5", "shmSize=64m",
            "postgresSettings.work_mem=9mb", "postgresSettings.statement_timeout=7min")  # fmt: skip
    done = host.wb("run", demo, "--dry-run")
    assert "command set to postgres -c statement_timeout=7min -c work_mem=9MB" in done.stdout
    host.wb("run", demo)
    after = host.ids(demo)
    assert {part for part in after if after[part] != before[part]} == {Part.POSTGRES}
    assert read_limits(host, f"{demo}-postgres") == (300, 1.5, 64)
    assert host.sql(demo, "SHOW work_mem") == "9MB"
    assert host.sql(demo, "SHOW statement_timeout") == "7min"
    host.wb("config", "set", demo, "valkeyMemory=64m", "valkeyCpus=0.5", "valkeyMaxMemory=32m")
    host.wb("run", demo)
    assert read_limits(host, f"{demo}-valkey")[:2] == (64, 0.5)
    assert host.ids(demo)[Part.POSTGRES] == after[Part.POSTGRES]


def test_settings_of_the_host_hold_for_all_and_are_applied_by_run(host: Host) -> None:
    demo = host.prepare(postgresSettings={"work_mem": "9MB"})
    ours: Any = {
        "WB_POSTGRES_SETTINGS": "work_mem=5MB,random_page_cost=1.1,shared_buffers=32MB",
        "WB_LOG_MAX_SIZE": "1m",
        "WB_LOG_MAX_FILES": "2",
    }
    host.wb("run", demo, **ours)
    shown = [host.sql(demo, f"SHOW {name}") for name in ("work_mem", "shared_buffers")]
    assert shown == ["9MB", "32MB"]
    for part in (Part.POSTGRES, Part.VALKEY, Part.PLATFORM):
        log = host.inspect(part.container_name(demo))["HostConfig"]["LogConfig"]
        assert log["Config"] == {"max-size": "1m", "max-file": "2"}
    (ended,) = host.json("run", demo, **ours)["instances"]
    assert ended["result"] == "unchanged"
    done = host.wb("run", demo, "--dry-run", **ours | {"WB_LOG_MAX_FILES": "3"})
    assert "log 2x1.0MiB -> 3x1.0MiB" in done.stdout


def test_postgresql_takes_the_least_and_the_most_that_wb_allows(host: Host) -> None:
    """The ranges stand twice, in PostgreSQL and in wb. This holds the two together."""
    demo = host.prepare()
    host.wb("run", demo)
    names = ", ".join(f"'{setting.name}'" for setting in SETTINGS)
    rows = host.sql(
        demo, "SELECT name, vartype, coalesce(unit, ''), min_val, max_val FROM pg_settings "
        f"WHERE name IN ({names})"
    )  # fmt: skip
    known = {row.split("|")[0]: row.split("|")[1:] for row in rows.splitlines()}
    assert set(known) == {setting.name for setting in SETTINGS}
    for setting in SETTINGS:
        kind, unit, least, most = known[setting.name]
        if kind == "bool":
            assert setting.allowed == "on or off"
            continue
        ends = re.findall(r"from (\S+) to ([\d.]+\w*)", setting.allowed)[0]
        for end in ends:
            value = parse_one(setting.name, end)
            number, word = re.fullmatch(r"(-?[\d.]+)(\w*)", value).groups()
            count = float(number) * COUNTS.get(word, 1) / UNITS[unit]
            assert float(least) <= count <= float(most), (setting.name, end)
