"""The platform server: ``python -m wb_cli.server``. Builds, serves, closes in reverse order."""

import asyncio
import logging
import os
import socket
import sys
from contextlib import AsyncExitStack

from wb_cli.errors import ExitCode, WbError
from wb_cli.server.app import build_app
from wb_cli.server.cache.valkey import ValkeyLink
from wb_cli.server.db.migrations import migrate_all
from wb_cli.server.db.pool import Databases
from wb_cli.server.listener import Listener, bind
from wb_cli.server.log import set_up_logging
from wb_cli.server.platform import Platform
from wb_cli.server.settings import Settings
from wb_cli.server.shutdown import arm_failsafe, on_stop_signal

log = logging.getLogger(__name__)

DATABASE_CLOSES_WITHIN_S = 1.0


async def serve(settings: Settings, listening: socket.socket) -> None:
    """Serve until told to stop. Nothing here waits for PostgreSQL or Valkey."""
    async with AsyncExitStack() as closing:
        valkey = ValkeyLink(settings.valkey_url.reveal())
        closing.push_async_callback(valkey.close)
        databases = Databases(settings.postgres, prepare=migrate_all)
        closing.push_async_callback(databases.close, DATABASE_CLOSES_WITHIN_S)

        listener = Listener(build_app(Platform(settings, databases, valkey)))
        on_stop_signal(arm_failsafe, listener.stop)
        valkey.start()
        databases.start()
        log.info("[Server] Listening on %s:%d", *listening.getsockname()[:2])
        await listener.serve([listening])


def main() -> ExitCode:
    """The program, with the one place where an error becomes a message and an exit code."""
    set_up_logging("info")
    try:
        settings = Settings.from_environment(os.environ)
        set_up_logging(settings.log_level)
        asyncio.run(serve(settings, bind(settings)))
    except WbError as error:
        say(error)
        return error.exit_code
    return ExitCode.OK


def say(error: WbError) -> None:
    """What failed, and what to do next."""
    log.error("error: %s", error.message)
    if error.hint:
        log.error("hint: %s", error.hint)


if __name__ == "__main__":
    sys.exit(main())
