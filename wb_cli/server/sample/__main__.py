"""Load sample data: ``python -m wb_cli.server.sample --objects 5000``. See ``--help``."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence

from wb_cli.errors import ExitCode, WbError
from wb_cli.server.db.connections import Limits
from wb_cli.server.db.migrations import migrate_all
from wb_cli.server.db.pool import Databases
from wb_cli.server.process.log import set_up_logging
from wb_cli.server.sample.load import load
from wb_cli.server.sample.size import Size
from wb_cli.server.settings import Settings

log = logging.getLogger(__name__)

DATABASE_WITHIN_S = 60
STATEMENT_S = 3_600.0  # a large COPY takes its time


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program. Here an error becomes a message and an exit code."""
    given = parser().parse_args(arguments)
    set_up_logging("info")
    size = Size(given.projects, given.objects, given.rows, given.seed)
    try:
        asyncio.run(fill(Settings.from_environment(os.environ), size, replace=given.replace))
    except WbError as error:
        log.error("error: %s\nhint: %s", error.message, error.hint)  # noqa: TRY400
        return error.exit_code
    return ExitCode.OK


async def fill(settings: Settings, size: Size, *, replace: bool) -> None:
    """Connect, migrate, load."""
    databases = Databases(settings.postgres, Limits(statement_s=STATEMENT_S), migrate_all)
    try:
        await databases.wait_until_ready(DATABASE_WITHIN_S)
        await load(databases, size, replace=replace)
    finally:
        await databases.close()


def parser() -> argparse.ArgumentParser:
    """The options, which are those of `Size`."""
    made = argparse.ArgumentParser(
        prog="python -m wb_cli.server.sample",
        description="Load sample data into the database that PG_HOST, PG_PORT and PG_PASSWORD name."
        " The same arguments give the same data; what is there already is left alone.",
    )
    default = Size()
    for name, least, most, text in (
        ("projects", 1, 50, "projects, each with a database of its own"),
        ("objects", 1, 200_000, "presentation objects, over all projects"),
        ("rows", 100, 5_000_000, "rows of a results table, about"),
        ("seed", 0, 2**31, "decides what is left to chance"),
    ):
        made.add_argument(
            f"--{name}",
            type=whole_number(least, most),
            default=getattr(default, name),
            metavar="N",
            help=f"{text} (default: %(default)s)",
        )
    made.add_argument(
        "--replace", "--force", action="store_true", help="also over data that no sample made"
    )
    return made


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A number within bounds, as a type for argparse."""

    def convert(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return convert


if __name__ == "__main__":
    sys.exit(main())
