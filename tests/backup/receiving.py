"""An instance whose WAL is received: what the receiver has, and words written meanwhile."""

import json
from uuid import uuid4

from backup.site import Site


def receiver(site: Site, id_: str) -> str:
    """What the receiver says of itself; empty if no WAL comes."""
    code, text = site.container(f"{id_}-wal").exec_run(["cat", "/tmp/wal/receiving"])
    return text.decode() if code == 0 else ""


def stretches(site: Site, id_: str) -> list[str]:
    return sorted(path.name for path in (site.folder(id_) / "wal" / "received").iterdir())


def has_all(site: Site, id_: str) -> bool:
    """Whether the receiver has what PostgreSQL has written by now."""
    behind = (
        "select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), coalesce(write_lsn, '0/0')) <= 0 "
        "from pg_stat_replication where application_name = 'pg_receivewal'"
    )
    return site.sql(id_, behind) == "t"


def now(site: Site, id_: str) -> str:
    """This moment by the clock of the database, once another commit cannot have the same."""
    moment = site.sql(id_, "select clock_timestamp()")
    site.sql(id_, "select pg_sleep(0.01)")
    return moment


def written(site: Site, id_: str) -> str:
    return site.sql(id_, "select string_agg(word, ' ' order by word) from words")


def write(site: Site, id_: str, word: str) -> None:
    site.sql(id_, f"insert into words values ('{word}')")


def fill_segments(site: Site, id_: str, count: int) -> None:
    """Write into so many segments of WAL."""
    for _ in range(count):
        rows = "select n, repeat(md5(n::text), 4) as t from generate_series(1, 100000) as n"
        site.sql(id_, f"create table filler_{uuid4().hex} as {rows}")
        site.sql(id_, "select pg_switch_wal()")


def list_findings(site: Site, id_: str) -> set[str]:
    """The codes of what `wb doctor` finds."""
    findings = json.loads(site.ran("doctor", id_, "--json").stdout)["findings"]
    return {finding["code"] for finding in findings}
