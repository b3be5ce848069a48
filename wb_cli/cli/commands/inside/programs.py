"""wb exec / psql / valkey / shell / open: what looks inside an instance."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from wb_cli.cli.commands.inside.container import (
    Environment,
    NoTty,
    Tolerated,
    User,
    Workdir,
    converse,
    find_running,
    surround,
)
from wb_cli.cli.commands.inside.words import split_words
from wb_cli.cli.context import get_wb
from wb_cli.cli.hosts import go_to
from wb_cli.cli.options import Id, PartOption, complete_part
from wb_cli.contract import POSTGRES_SUPERUSER, Part
from wb_cli.errors import UsageError, WbError

# An option of the command inside is not an option of wb.
AS_TYPED = {"allow_interspersed_args": False}
# The exit code of psql if it cannot connect, or its connection broke.
NOT_CONNECTED = 2
# A shell that completes a word waits no longer for the answer.
COMPLETES_WITHIN_S = 1.0
BASH_OR_SH = """
if command -v bash > /dev/null; then
    export PS1="$0:\\w\\$ " debian_chroot="$0"
    exec bash "$@"
fi
export PS1="$0\\$ "
exec sh "$@"
"""


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command("exec", context_settings=AS_TYPED)(execute)
    app.command(context_settings=AS_TYPED)(psql)
    app.command(context_settings=AS_TYPED)(valkey)
    app.command(context_settings=AS_TYPED)(shell)
    app.command("open")(open_)


def complete_database(ctx: typer.Context, args: list[str], incomplete: str) -> list[str]:
    """Complete the name of a database. Where PostgreSQL does not answer soon, suggest nothing."""
    from wb_cli.host.moments import do_within
    from wb_cli.lifecycle.databases import list_databases

    del args
    if ctx.params.get("words"):
        return []  # it takes one
    instance = str(ctx.params.get("instance"))
    try:
        wb = go_to(get_wb(ctx), instance)
    except WbError:
        return []
    name = Part.POSTGRES.container_name(instance)
    found = do_within(COMPLETES_WITHIN_S, lambda: list_databases(wb.engine, name))
    return [database for database in found or () if database.startswith(incomplete)]


def execute(
    ctx: typer.Context,
    instance: Id,
    command: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND...", help="The command and its arguments."),
    ],
    part: PartOption = Part.PLATFORM,
    no_tty: NoTty = False,
    user: User = "",
    workdir: Workdir = "",
    env: Environment = None,
    tolerated: Tolerated = False,
) -> int:
    """Run a command in a container.

    Its exit code becomes wb's. Input is passed on. Where input and output are a terminal the
    command has one, too; elsewhere its two outputs stay apart. If wb is interrupted, or its reader
    leaves, the command is ended. Options of wb stand before the id.

    Examples:
        wb exec demo ls -l /app
        wb exec --part postgres demo pg_dump -U postgres main > main.sql
        wb exec --user postgres --part postgres demo -- id -un
    """
    del tolerated
    before, after = split_words("exec", instance, command)
    words = [*before, *after]
    if not words:
        raise UsageError("there is no command to run", f"`wb exec {instance} COMMAND...`")
    wb = go_to(get_wb(ctx), instance)
    container = find_running(wb, instance, part)
    return converse(wb, container, words, surround(user, workdir, env), has_tty=not no_tty)


def psql(
    ctx: typer.Context,
    instance: Id,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATABASE] [-- ARGUMENT...]",
            help="The database, else `main`; and arguments for psql after `--`.",
            autocompletion=complete_database,
            show_default=False,
        ),
    ] = None,
    no_tty: NoTty = False,
    tolerated: Tolerated = False,
) -> int:
    """Open psql on a database of an instance.

    It runs in the postgres container, as the superuser. Its exit code becomes wb's, and input and
    outputs are passed on byte for byte.

    Examples:
        wb psql demo
        wb psql demo -- -c 'select count(*) from results'
        wb psql demo other -- -At -c 'select 1' | cat
        wb psql demo -- -v ON_ERROR_STOP=1 --single-transaction < dump.sql
    """
    from wb_cli.engine.base import Surroundings
    from wb_cli.lifecycle.databases import MAIN, find_no_database

    del tolerated
    wb = go_to(get_wb(ctx), instance)
    names, arguments = split_words("psql", instance, words or ())
    if len(names) > 1:
        raise UsageError(
            f"wb psql takes one database, and these are {len(names)}: {' '.join(names)}",
            f"Arguments for psql stand after `--`: `wb psql {instance} {names[0]} -- ...`.",
        )
    database = names[0] if names else MAIN
    container = find_running(wb, instance, Part.POSTGRES)
    # In a variable, a name is a name. As an argument it could be read as a connection string.
    login = Surroundings(environment=(f"PGUSER={POSTGRES_SUPERUSER}", f"PGDATABASE={database}"))
    prompt = ("-v", f"PROMPT1={instance} %/%R%x%# ")
    code = converse(wb, container, ["psql", *prompt, *arguments], login, has_tty=not no_tty)
    if code == NOT_CONNECTED and (
        error := find_no_database(wb.engine, instance, container.id, database)
    ):
        raise error
    return code


def valkey(
    ctx: typer.Context,
    instance: Id,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND...] [-- ARGUMENT...]",
            help="A command of Valkey; or arguments for valkey-cli after `--`.",
            show_default=False,
        ),
    ] = None,
    no_tty: NoTty = False,
    tolerated: Tolerated = False,
) -> int:
    """Open valkey-cli on the cache of an instance.

    It runs in the valkey container, and its exit code becomes wb's. With a command it runs this
    command alone, and an error of Valkey is exit code 1.

    Examples:
        wb valkey demo
        wb valkey demo info memory
        wb valkey demo -- --scan --pattern 'result:*' | head
    """
    del tolerated
    wb = go_to(get_wb(ctx), instance)
    command, arguments = split_words("valkey", instance, words or ())
    fails = ["-e"] if command else []
    container = find_running(wb, instance, Part.VALKEY)
    line = ["valkey-cli", *fails, *arguments, *command]
    return converse(wb, container, line, surround(), has_tty=not no_tty)


def shell(
    ctx: typer.Context,
    instance: Id,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PART] [-- ARGUMENT...]",
            help="The part, else platform; and arguments for the shell after `--`.",
            autocompletion=complete_part,
            show_default=False,
        ),
    ] = None,
    no_tty: NoTty = False,
    user: User = "",
    workdir: Workdir = "",
    env: Environment = None,
    tolerated: Tolerated = False,
) -> int:
    """Open a shell in a container.

    It is bash where the container has it, and sh elsewhere. The prompt names the container.

    Examples:
        wb shell demo
        wb shell demo postgres
        wb shell --user root --workdir /app demo
        wb shell demo valkey -- -c 'df -h /data'
    """
    from wb_cli.observe.logs.options import read_parts

    del tolerated
    wb = go_to(get_wb(ctx), instance)
    named, arguments = split_words("shell", instance, words or ())
    parts = read_parts(instance, named) or (Part.PLATFORM,)
    if len(parts) > 1:
        raise UsageError(
            f"wb shell takes one part, and these are {len(parts)}: {' '.join(parts)}",
            f"`wb shell {instance} {parts[0]}`; arguments for the shell stand after `--`.",
        )
    container = find_running(wb, instance, parts[0])
    line = ["sh", "-c", BASH_OR_SH, container.name, *arguments]
    return converse(wb, container, line, surround(user, workdir, env), has_tty=not no_tty)


def open_(
    ctx: typer.Context,
    instance: Id,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, and open nothing.")
    ] = False,
) -> None:
    """Print an instance's URL, and open it.

    A browser is opened where wb is on a terminal of a machine with a display.

    Examples:
        wb open demo
        curl -s "$(wb open demo)/health_check"
    """
    from wb_cli.contract import PLATFORM_PORT
    from wb_cli.engine.types import put_in_brackets
    from wb_cli.host.browser import find_opener, open_address
    from wb_cli.lifecycle.readiness.health import reachable_address

    wb = go_to(get_wb(ctx), instance)
    container = find_running(wb, instance, Part.PLATFORM)
    published = [port for port in container.ports if port.container == PLATFORM_PORT]
    if not published:
        raise WbError(
            f"{container.name} publishes no port, so it has no address on this host",
            f"`wb restart {instance}` makes it as it is declared.",
        )
    host, port = reachable_address(published[0])
    address = f"http://{put_in_brackets(host)}:{port}"
    wb.console.write_line(address)
    if not wb.is_engine_here:
        wb.console.note(f"This is an address of {wb.host or wb.chosen or 'the engine'}'s machine.")
        return
    if not no_browser and sys.stdout.isatty() and (opener := find_opener()):
        open_address(opener, address)
