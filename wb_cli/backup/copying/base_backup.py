"""Copy a running PostgreSQL into a folder, and check the copy. It serves on meanwhile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wb_cli.contract import POSTGRES_SUPERUSER
from wb_cli.engine.task import Priority, TaskMount, TaskSpec
from wb_cli.errors import WbError
from wb_cli.quantities import KIB, describe_size

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wb_cli.engine.base import Engine
    from wb_cli.secret import Secret

INSIDE = "/copy"
# What lies in it: a copied or restored database, restored files of the folders, restored WAL, and
# the database on which that is replayed.
DATA, SAMPLE, WAL_FETCHED, WAL_REPLAYED = "data", "sample", "data.wal", "data.replayed"
# What PostgreSQL wrote of a copy: each file with its checksum. A copy of changes starts from it.
FILES_OF_COPY = "backup_manifest"
BASE = f"/{FILES_OF_COPY}"
REFUSED = "the password that wb has does not open the database, so the platform cannot, either"
REMEDY = (
    "Set POSTGRES_PASSWORD, or the secrets in WB_SECRETS_DIR, to the one that does; or give the "
    "database the one that wb has: `\\password` in `wb psql <id> postgres`."
)
# pg_basebackup says how far it is on stderr, where its errors are, too.
# PostgreSQL asks for the password at this address, and may not ask at 127.0.0.1.
COPY = f"""\
address=$(hostname -i | cut -d ' ' -f 1)
psql -h "$address" -p 5432 -U {POSTGRES_SUPERUSER} -d postgres -wXAtqc '' 2>/tmp/said ||
    ! grep -q 'password authentication failed' /tmp/said || echo "{REFUSED}"
rm -rf {INSIDE}/data
copy() {{
    pg_basebackup -h 127.0.0.1 -p 5432 -U {POSTGRES_SUPERUSER} -w -D {INSIDE}/data \\
        -F p -X stream -c fast --manifest-checksums=SHA256 --label=wb --progress "$@" 2>&1
    code=$?
    set -- $(df -Pk {INSIDE} | tail -n 1)
    # A PostgreSQL that has no room to write ends itself, and only its log says why.
    [ "$code" = 0 ] || [ "${{4:-1024}}" -ge 1024 ] || echo "no space left on device $1"
    echo "ended with $code"
}}
copy "$@" | while IFS= read -r line; do
    case $line in
        *" kB ("*) echo "$line" ;;
        "ended with 0") exit 0 ;;
        "ended with "*) exit "${{line##* }}" ;;
        *) echo "$line" >&2 ;;
    esac
done || exit
echo checking
exec pg_verifybackup --quiet {INSIDE}/data
"""
PROGRESS = re.compile(r"(\d+)/ *(\d+) kB \(")


def copy_database(  # noqa: PLR0913, PLR0917  (what is copied, by what, and whom it tells)
    engine: Engine,
    postgres: str,
    image: str,
    password: Secret,
    target: Path,
    labels: Mapping[str, str],
    report: Callable[[str], None],
    cancelled: threading.Event,
    base: bytes = b"",
    limit: int = 0,
    priority: Priority = Priority.NORMAL,
) -> bool:
    """Copy the whole cluster of a running container into a folder on the engine's machine.

    With the files of a whole copy as ``base``, only what changed since is copied. ``limit`` is how
    many bytes are read in a second at most; 0 is no limit.
    Says whether the password is one that the database takes, as far as that can be known.

    The program runs in a container of the same image, on the network of the running one. There its
    superuser may replicate from 127.0.0.1, so neither the instance nor its settings change.

    Raises:
        WbError: PostgreSQL refused, or the copy is not what PostgreSQL says it sent.
    """
    report("copying the database")
    options = [f"--incremental={BASE}"] if base else []
    options += [f"--max-rate={limit // KIB}k"] if limit else []
    spec = TaskSpec(
        purpose="backup",
        image=image,
        command=("sh", "-c", COPY, "copy", *options),
        mounts=(TaskMount(str(target), INSIDE, is_read_only=False),),
        network=f"container:{postgres}",
        secrets={"PGPASSWORD": password},
        files={BASE: base} if base else {},
        priority=priority,
        labels=labels,
    )
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        if line != REFUSED:
            report(describe_step(line))

    end = engine.run_task(spec, hear, cancelled)
    if end.code and REFUSED in said:
        raise WbError(REFUSED, REMEDY)
    if end.code:
        raise WbError(
            f"PostgreSQL could not be copied: {end.why}",
            "The instance was not changed.",
        )
    return REFUSED not in said


def describe_step(line: str) -> str:
    """Say what a line of the copying program means."""
    if match := PROGRESS.search(line):
        done, total = (describe_size(int(number) * KIB) for number in match.groups())
        return f"copying the database: {done} of {total}"
    return f"{line} the copy"


def remove_copy(
    engine: Engine, image: str, target: Path, labels: Mapping[str, str], cancelled: threading.Event
) -> None:
    """Remove a copy. A folder of PostgreSQL's is closed to other users, so a container does it."""
    spec = TaskSpec(
        purpose="backup",
        image=image,
        command=("sh", "-c", f"rm -rf {INSIDE}/{DATA} {INSIDE}/{DATA}.* {INSIDE}/{SAMPLE}"),
        mounts=(TaskMount(str(target), INSIDE, is_read_only=False),),
        labels=labels,
        priority=Priority.LOW,
    )
    engine.run_task(spec, lambda _: None, cancelled)
