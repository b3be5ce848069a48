"""The Typer tree, the global options, and the one error boundary."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import click
import typer

from wb_cli import __version__
from wb_cli.cli import completion
from wb_cli.cli.console import Console, NobodyReadsError
from wb_cli.cli.context import from_options
from wb_cli.cli.tree import Tree
from wb_cli.cli.usage import usage_error
from wb_cli.errors import ExitCode, UnexpectedError, WbError
from wb_cli.lifecycle.guard.interrupts import SignalExit, leaving_at_once

app = typer.Typer(
    name="wb",
    cls=Tree,
    help="Run a fleet of data-platform instances on Docker: PostgreSQL, Valkey, the platform.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        Console().line(f"wb {__version__}")
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
    env_file: Annotated[
        Path | None, typer.Option(help="A `.env` file, instead of the settings folder's.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any setting, for this command alone."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks on errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """Run a fleet of data-platform instances on Docker: PostgreSQL, Valkey, the platform."""
    del servers_file, mount_path, env_file, setting, version  # read in `from_options`
    console = ctx.obj if isinstance(ctx.obj, Console) else Console()
    console.verbose = verbose
    ctx.obj = from_options(ctx.params, console)


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and give its exit code; every error and every signal ends here."""
    console = Console()
    try:
        with leaving_at_once():
            code = _run(sys.argv[1:] if arguments is None else arguments, console)
            return _answered(code, console)
    except SignalExit as end:
        console.note("interrupted")
        return end.exit_code


def _answered(code: int, console: Console) -> int:
    """The work's own code. A reader who has gone is no error, but an answer that is lost is one."""
    lost = console.lost()
    if lost is None or isinstance(lost, BrokenPipeError):
        return code
    console.as_json = False
    console.failure(WbError(f"the answer cannot be written: {lost.strerror}"))
    return code or ExitCode.FAILURE


def _run(arguments: list[str], console: Console) -> int:
    outcome: object = ExitCode.OK
    try:
        command = typer.main.get_command(app)
        completion.prepare()
        outcome = command.main(
            _spelt_out(arguments), prog_name="wb", obj=console, standalone_mode=False
        )
    except WbError as error:
        console.failure(error)
        outcome = error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        console.line(error.message.rstrip())
    except click.ClickException as error:
        console.as_json = console.as_json or "--json" in arguments
        console.failure(usage_error(error, arguments))
        outcome = ExitCode.USAGE
    except NobodyReadsError:
        pass
    except SystemExit as end:
        outcome = _left(end, console)
    except Exception as error:  # noqa: BLE001  (the boundary: nothing may pass it as a traceback)
        console.failure(UnexpectedError(error))
        outcome = ExitCode.FAILURE
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _left(end: SystemExit, console: Console) -> int:
    """Typer leaves when it has completed a word, and wherever a pipe breaks, which is a fault."""
    if isinstance(end, SignalExit):
        raise end
    if isinstance(end.__context__, OSError):
        console.failure(UnexpectedError(end.__context__))
    return end.code if isinstance(end.code, int) else ExitCode.OK


def _spelt_out(arguments: list[str]) -> list[str]:
    """``help run`` is ``run --help``."""
    return [*arguments[1:], "--help"] if arguments[:1] == ["help"] else arguments
