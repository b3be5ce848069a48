"""wb export / wb import."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wb_cli.cli.commands.inside.container import find_running
from wb_cli.cli.commands.inside.programs import complete_database
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import go_to
from wb_cli.cli.options import PIPE, Id, Wait, Yes
from wb_cli.cli.words.param_types import Seconds
from wb_cli.contract import Part
from wb_cli.errors import ExitCode, UsageError
from wb_cli.lifecycle.options import READY_WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wb_cli.backup.dump import Databases
    from wb_cli.cli.context import Wb

Database = Annotated[
    str,
    typer.Argument(
        metavar="DATABASE",
        help="The database.",
        autocompletion=complete_database,
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command("export")(export)
    app.command("import")(import_)


def export(
    ctx: typer.Context,
    instance: Id,
    database: Database,
    file: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Write to a file, not to stdout.")
    ] = PIPE,
    sql: Annotated[
        bool, typer.Option("--sql", help="As SQL, for other tools; not PostgreSQL's own format.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file.")] = False,
) -> None:
    """Write a dump of one database.

    It is pg_dump's, of one moment, while the instance runs on. A file is written completely or not
    at all, and its owner alone can read it. Unlike a backup, a dump fits later major versions of
    PostgreSQL.

    Examples:
        wb export demo main -o main.dump
        wb export demo main --sql | gzip > main.sql.gz
    """
    wb = go_to(get_wb(ctx), instance)
    if file == PIPE and sys.stdout.isatty():
        raise UsageError("a dump is not written to a terminal", "Pipe it, or name a file with -o.")
    databases = _open(wb, instance)
    with wb.console.tasks(has_lines=False) as tasks:
        done = 0

        def count(write: Callable[[bytes], object]) -> Callable[[bytes], None]:
            def pass_on(piece: bytes) -> None:
                nonlocal done
                write(piece)
                done += len(piece)
                tasks.update(database, "dumping", done)

            return pass_on

        if file == PIPE:
            databases.dump(database, count(wb.console.stream_bytes), as_sql=sql)
        else:
            with _written_whole(file, force=force) as write:
                databases.dump(database, count(write), as_sql=sql)
    if file != PIPE:
        from wb_cli.quantities import describe_size

        wb.console.write_line(f"{instance}: {database} is in {file}: {describe_size(done)}")


def import_(
    ctx: typer.Context,
    instance: Id,
    database: Annotated[
        str, typer.Argument(metavar="DATABASE", help="The database.", show_default=False)
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The dump; `-` is stdin.", show_default=False)
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a database, and keep the one from before.")
    ] = False,
    yes: Yes = False,
    wait: Wait = 0,
    timeout: Annotated[
        float,
        typer.Option(help="How long it may take until it is ready.", click_type=Seconds()),
    ] = READY_WITHIN_S,
) -> int:
    """Load a dump into a new database.

    The dump is one of `wb export` or pg_dump, in PostgreSQL's custom format or as SQL. The database
    bears its name once all of the dump is there. One that is there already is not touched. Owners
    and grants of a dump in the custom format are left out.

    With `--replace` the dump is loaded beside the database while all serves on. Then the platform
    stops, both databases exchange their names in one transaction, and it starts again. If it does
    not become healthy, the names go back. The database from before is kept as
    DATABASE_before_import.

    Examples:
        wb import demo copy main.dump
        gunzip -c main.sql.gz | wb import demo copy -
        wb import demo main main.dump --replace
    """
    wb = go_to(get_wb(ctx), instance)
    databases = _open(wb, instance)
    if replace:
        return _replace(wb, databases, database, file, yes=yes, wait_s=wait, timeout_s=timeout)
    databases.refuse_existing(database)
    from wb_cli.lifecycle.guard.interrupts import ended_by_signals

    with _opened(file) as source, wb.console.tasks(has_lines=False) as tasks, ended_by_signals():
        tasks.update(database, "loading")
        databases.load(database, source)
    wb.console.write_line(f"{instance}: {database} is loaded")
    return ExitCode.OK


def _replace(
    wb: Wb,
    databases: Databases,
    database: str,
    file: Path,
    *,
    yes: bool,
    wait_s: float,
    timeout_s: float,
) -> int:
    """Load a dump beside a database, and let both exchange their names."""
    from wb_cli.backup.replace_database import Replace, require_replaceable
    from wb_cli.cli.show.endings import act_in_steps, show_endings
    from wb_cli.lifecycle.batch import combine_exit_codes
    from wb_cli.lifecycle.guard.interrupts import ended_by_signals
    from wb_cli.lifecycle.options import RunOptions, Verb

    id_ = databases.instance
    require_replaceable(databases, database)
    wb.console.confirm(f"Replace {database} of {id_}? It is away meanwhile.", yes=yes)
    with _opened(file) as source, ExitStack() as stack:
        with wb.console.tasks(has_lines=False) as tasks, ended_by_signals():
            tasks.update(database, "loading")
            loaded = stack.enter_context(databases.loaded(source))
        endings = act_in_steps(
            wb,
            RunOptions(Verb.IMPORT, timeout_s, wait_s, 1),
            [id_],
            lambda _, own: Replace(
                wb.fleet, wb.registry.find(id_), databases, database, loaded, own
            ).run(),
        )
        show_endings(wb.console, endings, ())
        code = combine_exit_codes(endings)
        if not any(ended.result for ended in endings):
            stack.callback(databases.drop, loaded)
    return code


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    """Open a dump, or the input.

    Raises:
        WbError: it cannot be read.
    """
    from wb_cli.instances.files import file_errors

    if file == PIPE:
        yield sys.stdin.fileno()
        return
    with file_errors(file, "read"):
        source = file.open("rb")
    with source:
        yield source.fileno()


def _open(wb: Wb, instance: str) -> Databases:
    from wb_cli.backup.dump import Databases

    return Databases(wb.engine, instance, find_running(wb, instance, Part.POSTGRES).id)


@contextmanager
def _written_whole(file: Path, *, force: bool) -> Iterator[Callable[[bytes], object]]:
    """Write a file of the user alone, completely or not at all.

    Raises:
        UsageError: it is there already.
        WbError: it cannot be written, or a signal came.
    """
    from wb_cli.instances.files import written_whole
    from wb_cli.lifecycle.guard.interrupts import ended_by_signals

    if file.exists() and not (force and file.is_file()):
        raise UsageError(f"{file} is there already", "`--force` replaces a file.")
    with written_whole(file, mode=0o600) as output, ended_by_signals():
        yield output.write
