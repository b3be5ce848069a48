"""The Typer tree, the global options, and the one error boundary."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import click
import typer

from wb_cli import __version__
from wb_cli.cli.console import Console, ReaderGoneError
from wb_cli.cli.context import make_wb
from wb_cli.cli.options import QUIET_HELP, VERBOSE_HELP, complete_setting
from wb_cli.cli.words import completion
from wb_cli.cli.words.tree import Tree
from wb_cli.cli.words.usage import make_usage_error
from wb_cli.errors import ExitCode, UnexpectedError, WbError
from wb_cli.lifecycle.guard.interrupts import SignalExit, leaving_at_once

EPILOG = """\b
Examples:
  wb config add demo --tag field
  wb run demo
  wb status
  wb run @field server=1.7.0 --dry-run

`wb help COMMAND` shows more, `wb help --man` and the README all.
"""
app = typer.Typer(
    name="wb",
    cls=Tree,
    help="Run a fleet of data-platform instances on Docker: PostgreSQL, Valkey, the platform.",
    epilog=EPILOG,
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        Console().write_line(f"wb {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    servers_file: Annotated[
        Path | None, typer.Option(help="The registry file, instead of the configured one.")
    ] = None,
    mount_path: Annotated[
        Path | None, typer.Option(help="The folder that holds the instances' folders.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="URL",
            help="The engine: ssh://user@host or tcp://host:2376. DOCKER_HOST does the same.",
        ),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="NAME", help="The Docker context that names the engine."),
    ] = None,
    env_file: Annotated[
        Path | None, typer.Option(help="A `.env` file, instead of the settings folder's.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any setting, for this command alone.",
            autocompletion=complete_setting,
        ),
    ] = None,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help=VERBOSE_HELP, show_default=False)
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help=QUIET_HELP)] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="The version.")
    ] = False,
) -> int:
    """Run a fleet of data-platform instances on Docker: PostgreSQL, Valkey, the platform."""
    del servers_file, mount_path, host, context, env_file, setting, version  # `make_wb` reads them
    console = ctx.obj if isinstance(ctx.obj, Console) else Console()
    console.set_verbosity(verbose)
    console.is_quiet = quiet
    ctx.obj = make_wb(ctx.params, console)
    ctx.call_on_close(ctx.obj.close)
    if ctx.invoked_subcommand:
        return ExitCode.OK
    from wb_cli.cli.words.welcome import welcome

    return welcome(ctx)


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code. It handles every error and every signal."""
    console = Console()
    try:
        with leaving_at_once():
            code = _run(sys.argv[1:] if arguments is None else arguments, console)
            return _check_answer(code, console)
    except SignalExit as end:
        console.note("interrupted")
        return end.exit_code


def _check_answer(code: int, console: Console) -> int:
    """Return the exit code of the work, or a failure if the answer could not be written.

    A reader that closed its end of the pipe is no failure.
    """
    lost = console.find_write_error()
    if lost is None or isinstance(lost, BrokenPipeError):
        return code
    console.as_json = False
    console.show_error(WbError(f"the answer cannot be written: {lost.strerror}"))
    return code or ExitCode.FAILURE


def _run(arguments: list[str], console: Console) -> int:
    outcome: object = ExitCode.OK
    try:
        command = typer.main.get_command(app)
        if completion.answer(command):
            return ExitCode.OK
        outcome = command.main(arguments, prog_name="wb", obj=console, standalone_mode=False)
    except WbError as error:
        console.show_error(error)
        outcome = error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        console.write_line(error.message.rstrip())
    except click.ClickException as error:
        console.as_json = console.as_json or "--json" in arguments
        console.show_error(make_usage_error(error, arguments, command))
        outcome = ExitCode.USAGE
    except ReaderGoneError:
        pass
    except SystemExit as end:
        outcome = _read_exit(end, console)
    except Exception as error:  # noqa: BLE001  (no exception may reach the user as a traceback)
        console.show_error(UnexpectedError(error))
        outcome = ExitCode.FAILURE
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _read_exit(end: SystemExit, console: Console) -> int:
    """Read the exit code with which Typer ends the process.

    Typer exits when it has completed a word. It also exits when a pipe breaks, which is a fault.
    """
    if isinstance(end, SignalExit):
        raise end
    if isinstance(end.__context__, OSError):
        console.show_error(UnexpectedError(end.__context__))
    return end.code if isinstance(end.code, int) else ExitCode.OK
