"""Whether the next copy has only what changed since a whole one, and which one that is.

PostgreSQL 17 and later write down which blocks change (``summarize_wal``). Every copy of changes is
based on a whole one, never on another copy of changes. So a restore needs two copies at most.

Measured on two processors, a table of 398 MB, and 1 % of its rows changed: a whole copy took 3.2 s,
0.67 s of the server's processors, 419 MiB read, 434 MB on the disk meanwhile, 1.4 s to check, 6.4 s
to store, and added 13.2 MiB to the repository. The copy of changes took 1.3 s, 0.06 s, 22 MiB, 30
MB, 0.3 s and 2.0 s, and added 4.2 MiB. Half of that is WAL. To put it together with the last whole
copy at once would write and check everything again (7.5 s), so that is left to a restore.

PostgreSQL itself checks that the two belong together, except for one case: a cluster that was
restored goes on with the same identifier and the same timeline, but with another content. So wb
compares the line, too.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.backup.copying.counting import MAINTENANCE, VERSION
from wb_cli.backup.snapshots import find_backups, group_by_instance
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.backup.copying.counting import Postgres
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.snapshots import Backup

FIRST_MAJOR = 17
IS_ON = "show summarize_wal"
TURN_ON = "alter system set summarize_wal = on"
RELOAD = "select pg_reload_conf()"
# The files of a restored or copied cluster are new ones, and no program can give a file an older
# time of its last change. So this time tells whether a cluster is the one that was copied before.
LINE = """
select md5(format('%s %s %s', system_identifier, timeline_id, extract(epoch from change)))
from pg_control_system(), pg_control_checkpoint(), pg_stat_file('PG_VERSION')
"""


class Choice(Struct, frozen=True):
    """The whole copy that the next one is based on; ``None`` for a whole one, and why.

    ``line`` is that of the data folder that is copied.
    """

    base: Backup | None
    line: str
    why_whole: str = ""


def find_base(
    database: Postgres, restic: Restic, instance: str, days: int, *, is_full: bool
) -> Choice:
    """Find what the next copy is based on, and let PostgreSQL write down from now on what changes.

    That is a setting of PostgreSQL's, which it reads anew; nothing is started again.
    """
    line = database.ask(MAINTENANCE, LINE)
    obstacle = find_obstacle(database.ask(MAINTENANCE, VERSION), days)
    if not obstacle:
        late = _write_down_changes(database)
        obstacle = "--full asks for it" if is_full else late
    if obstacle:
        return Choice(None, line, obstacle)
    # What cannot be read is no base, and whoever lists the backups is told of it.
    backups = group_by_instance(find_backups(restic.list_snapshots(lambda _: None)))
    return choose_base(backups.get(instance, ()), line, datetime.now(UTC), days)


def choose_base(backups: Sequence[Backup], line: str, now: datetime, days: int) -> Choice:
    """Choose among the backups of an instance, newest first. Pure."""
    last = next((backup for backup in backups if not backup.base), None)
    if last is None:
        return Choice(None, line, "it is the first one")
    on_it = [backup for backup in backups if last.id in {backup.id, backup.base}]
    failed = [each for each in on_it if each.proof and each.proof.verdict == "failed"]
    why = ""
    if last.line != line:
        why = "is of another data folder"
    elif failed:
        why = f"did not stand a proof ({failed[0].short_id})"
    elif now - datetime.fromisoformat(last.time) >= timedelta(days=days):
        why = f"is {days} days old or older"
    if why:
        return Choice(None, line, f"{last.short_id}, the last whole one, {why}")
    return Choice(last, line)


def find_obstacle(version: str, days: int) -> str:
    """Say what keeps every copy a whole one; "" where nothing does. Pure."""
    if days == 0:
        return "the setting backup_full_every is 0"
    major = re.match(r"\d+", version)
    if major and int(major[0]) < FIRST_MAJOR:
        return f"PostgreSQL {version} cannot tell what changed"
    return ""


def _write_down_changes(database: Postgres) -> str:
    """Say why the next copy must be a whole one all the same; "" if it need not."""
    try:
        if database.ask(MAINTENANCE, IS_ON) == "on":
            return ""
        database.ask(MAINTENANCE, TURN_ON)
        database.ask(MAINTENANCE, RELOAD)
    except WbError as error:
        return f"PostgreSQL does not write down what changes: {error.headline}"
    return "PostgreSQL did not write down what changes until now"
