"""`wb backup` and `wb restore` against pg_dump, pg_basebackup and pg_restore, in turns.

    PYTHONPATH=.:tests python tests/benchmarks/bench_backup.py [--rows 1000000] [--rounds 10]

One instance with a table of so many rows. Each round changes 1 % of the rows, which lie together
(``--everywhere``: some in each page), then copies them in each way: `wb backup`, which covers all
databases, the folders and the secrets, is checked against PostgreSQL's checksums, encrypted and
stored; `pg_dump -Fc` of the one database; and `pg_basebackup`, a plain copy without a check. At the
end `wb restore`, and `pg_restore` of the dump into a new database. Told are seconds, and the bytes
that each copy adds on disk. Where clients were at work, a backup of wb waits up to 10 seconds, in
which PostgreSQL tells what was written to meanwhile. Needs an image of
restic: `wb images build restic`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bench_lifecycle import NAME, PASSWORD, command, new_host, timed
from benchmarks.measure import HEADER, Row, noise_of, tell

from wb_cli.contract import POSTGRES_DATA_PATH
from wb_cli.instances.local_images import RESTIC

POSTGRES = f"{NAME}-postgres"
# Beside PGDATA: the root of the container is closed, and its /tmp lies in memory.
COPY, DUMP = f"{POSTGRES_DATA_PATH}/copy", f"{POSTGRES_DATA_PATH}/dump"
DATABASE = "bench"
TABLE = """
create table figures (id int primary key, changed int not null default 0, text text not null);
insert into figures
select n, 0, md5(n::text) || md5((n * 7)::text) || md5((n * 13)::text)
from generate_series(1, {rows}) as n
"""
# 1 % of the rows, in each page of the table or in one stretch.
EVERYWHERE = "update figures set changed = changed + 1 where id % 100 = {round}"
TOGETHER = "update figures set changed = changed + 1 where id * 100 / {rows} = {round}"
MIB = 1024**2


@dataclass
class Way:
    """One way to copy: what it does, and what each copy took and added."""

    name: str
    copy: Callable[[], int]
    seconds: list[float] = field(default_factory=list)
    added: list[int] = field(default_factory=list)

    def measure(self) -> None:
        """Copy once."""

        def act() -> None:
            self.added.append(self.copy())

        self.seconds.append(timed(act))


def inside(*words: str) -> str:
    """Run a program in the container of PostgreSQL."""
    login = ("-e", "PGUSER=postgres", "-e", f"PGPASSWORD={PASSWORD}", "-e", "PGHOST=127.0.0.1")
    done = subprocess.run(
        ["docker", "exec", *login, POSTGRES, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def sql(statement: str, database: str = DATABASE) -> str:
    """Run SQL."""
    return inside("psql", "-d", database, "-XAtqc", statement)


def size_of(path: str) -> int:
    """The bytes of a file or folder in the container."""
    return int(inside("du", "-sb", path).split()[0])


def wb(*words: str) -> dict[str, Any]:
    """Run a command of wb; give what it says of the instance."""
    done = subprocess.run(["wb", *words, "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"wb {' '.join(words)}\n{done.stdout}{done.stderr}")
    (ended,) = json.loads(done.stdout)["instances"]
    return dict(ended)


def wb_backup() -> int:
    """Back up; give the bytes that were added to the repository."""
    return int(wb("backup", NAME)["manifest"]["addedBytes"])


def pg_dump() -> int:
    """Dump the one database."""
    inside("pg_dump", "-Fc", "-d", DATABASE, "-f", DUMP)
    return size_of(DUMP)


def pg_basebackup() -> int:
    """Copy all files."""
    inside("rm", "-rf", COPY)
    inside("pg_basebackup", "-D", COPY, "-Fp", "-Xstream", "-cfast")
    return size_of(COPY)


def wb_restore() -> dict[str, Any]:
    """Restore the newest backup; give what wb says of it."""
    return wb("restore", NAME, "--yes", "--no-backup")


def pg_restore() -> None:
    """Load the dump into a new database."""
    sql("create database restored", "postgres")
    inside("pg_restore", "-d", "restored", "--exit-on-error", DUMP)


def report(ways: list[Way]) -> None:
    """Tell the medians, and what the first and each later copy added."""
    wb, *peers = ways
    for peer in peers:
        middles = statistics.median(wb.seconds), statistics.median(peer.seconds)
        noise = noise_of(wb.seconds, peer.seconds)
        tell(Row(f"{wb.name} / {peer.name}", *middles, noise=noise))
        for which, chosen in (("first", slice(1)), ("later", slice(1, None))):
            ours, other = (statistics.median(way.added[chosen]) / MIB for way in (wb, peer))
            tell(Row(f"what a {which} {wb.name} adds / {peer.name}", ours, other, unit="MiB"))


def main() -> None:
    """Take turns and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--everywhere", action="store_true")
    chosen = parser.parse_args()
    with new_host() as folder:
        os.environ.setdefault("WB_RESTIC_IMAGE", RESTIC.reference)
        os.environ["WB_BACKUP_REPOSITORY"] = str(Path(folder).parent.parent / "repository")
        command("wb", "run", NAME)
        sql(f"create database {DATABASE}", "postgres")
        sql(TABLE.format(rows=chosen.rows))
        # Or PostgreSQL writes each page once more when it comes to it, after the first backup.
        sql("vacuum (freeze, analyze) figures")
        bytes_ = int(sql(f"select pg_database_size('{DATABASE}')"))
        print(f"{chosen.rows:,} rows, {bytes_ / MIB:.0f} MiB\n{HEADER}", flush=True)
        ways = [Way("wb backup", wb_backup), Way("pg_dump -Fc", pg_dump)]
        ways.append(Way("pg_basebackup", pg_basebackup))
        change = EVERYWHERE if chosen.everywhere else TOGETHER
        for number in range(chosen.rounds):
            sql(change.format(round=number, rows=chosen.rows))
            for way in ways:
                way.measure()
        report(ways)
        loaded = timed(pg_restore)
        inside("rm", "-rf", COPY, DUMP)
        restored = wb_restore()
        tell(Row("wb restore / pg_restore of the one database", restored["seconds"], loaded))
        print(f"  (the instance was away for {restored['awaySeconds']:.1f} s)")


if __name__ == "__main__":
    main()
