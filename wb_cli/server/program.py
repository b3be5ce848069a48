"""The platform server: build the parts, serve, close them again."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any

from wb_cli.errors import ExitCode, WbError
from wb_cli.server.app import build_app
from wb_cli.server.cache import MAX_QUEUE_BYTES, Leases, LocalTier, RemoteTier, ValkeyLink
from wb_cli.server.db.connections import Limits
from wb_cli.server.db.epochs import read_epochs
from wb_cli.server.db.errors import DatabaseUnavailableError
from wb_cli.server.db.migrations import migrate_all
from wb_cli.server.db.pool import Databases
from wb_cli.server.platform import Platform
from wb_cli.server.process import door
from wb_cli.server.process.collector import keep_for_good, keep_trimmed
from wb_cli.server.process.listener import ConnectionLimits, Listener, bind
from wb_cli.server.process.log import set_up_logging
from wb_cli.server.process.shutdown import arm_failsafe, on_stop_signal
from wb_cli.server.process.siblings import Place, Siblings
from wb_cli.server.process.supervisor import Supervisor
from wb_cli.server.results.bus import VersionBus
from wb_cli.server.results.caches import Caches
from wb_cli.server.results.fingerprint import code_fingerprint
from wb_cli.server.settings import Settings
from wb_cli.server.warmup.refreshing import Refreshing
from wb_cli.server.warmup.warming import WarmUp
from wb_cli.server.watch.history import History
from wb_cli.server.watch.loop_lag import LoopLag
from wb_cli.server.watch.stored import Stored

log = logging.getLogger(__name__)

FLUSH_WITHIN_S = 2.0
DATABASE_CLOSES_WITHIN_S = 1.0
LOADS_FOR_REQUESTS = 2
LISTENS_WITHIN_S = 10.0
# How soon a thread that computes lets the event loop go on; Python's own choice is 5 ms. In a cold
# start the loop was blocked for 17 to 24 ms at most, and is for 9 to 11. It takes no longer.
THREADS_GIVE_WAY_AFTER_S = 0.001


async def serve(settings: Settings, listening: socket.socket, place: Place) -> None:
    """Serve until told to stop. Nothing here waits for PostgreSQL or Valkey.

    A part that is built later is closed earlier. The listener closes first, so that requests can
    finish. The warm-up, the loads, the queue of writes and PostgreSQL follow. Valkey closes last.

    A worker that replaces another one listens only when it has its database: the others answer
    meanwhile.
    """
    share = settings.tuning.share()
    concurrency = share.warm_concurrency
    async with AsyncExitStack() as closing:
        valkey = ValkeyLink(settings.valkey_url.reveal())
        closing.push_async_callback(valkey.close)
        leases = Leases(valkey) if place.count > 1 else None
        l2 = RemoteTier(valkey, max_queue_bytes=MAX_QUEUE_BYTES // place.count, leases=leases)
        caches = Caches(LocalTier(share.l1_max_bytes), l2, code_fingerprint())
        caches.begin_unknown_epoch()

        async def look(connection: Any) -> None:
            caches.begin_epochs(await read_epochs(connection))

        databases = Databases(
            settings.postgres,
            Limits(loads_per_database=concurrency + LOADS_FOR_REQUESTS).share(place.count),
            prepare=migrate_all,
            look=look,
        )
        closing.push_async_callback(databases.close, DATABASE_CLOSES_WITHIN_S)
        closing.push_async_callback(l2.close, FLUSH_WITHIN_S)
        closing.push_async_callback(caches.close)
        warm_up = WarmUp(databases, valkey, caches, concurrency)
        refreshing = Refreshing(caches)
        bus = VersionBus(databases, refreshing.note)
        closing.push_async_callback(bus.close)
        history, loop_lag, stored = History(caches.origins), LoopLag(), Stored(valkey)
        platform = Platform(
            settings=settings,
            databases=databases,
            valkey=valkey,
            caches=caches,
            bus=bus,
            warm_up=warm_up.progress,
            history=history,
            loop_lag=loop_lag,
            stored=stored,
            siblings=Siblings(place),
        )
        listener = Listener(build_app(platform), ConnectionLimits(share.max_connections))
        stop = on_stop_signal(arm_failsafe, listener.stop)

        keep_for_good()
        valkey.start()
        databases.start()
        l2.start()
        in_background("the warm-up", warm_up.run(), closing)
        in_background("the refreshing", refreshing.run(bus), closing)
        in_background("the history", history.keep(), closing)
        last_hour = platform.last_hour.keep(platform.traffic, lambda: warm_up.progress.is_warm)
        in_background("the last hour", last_hour, closing)
        in_background("the look at Valkey", stored.keep(), closing)
        watch = loop_lag.watch(lambda: warm_up.progress.is_warm)
        in_background("the loop's watch", watch, closing)
        in_background("the trimming", keep_trimmed(), closing)
        in_background("the line to the others", platform.siblings.attend(stop), closing)
        if place.is_replacement:
            with suppress(DatabaseUnavailableError):
                await databases.wait_until_ready(LISTENS_WITHIN_S)
        where = listening.getsockname()[:2]
        among = f", worker {place.number} of {place.count}" if place.count > 1 else ""
        log.info("[Server] Listening on %s:%d (%s%s)", *where, door.describe(), among)
        platform.siblings.is_serving = True
        await listener.serve([listening])


def in_background(name: str, work: Coroutine[Any, Any, None], closing: AsyncExitStack) -> None:
    """Run the work until it is done or the server closes. A failure is logged and ends nothing."""
    task = asyncio.create_task(work, name=name)

    def tell(done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (error := done.exception()):
            log.error("[Server] %s failed", name, exc_info=error)

    async def end() -> None:
        task.cancel()
        await asyncio.wait([task])

    task.add_done_callback(tell)
    closing.push_async_callback(end)


def run() -> int:
    """Run the program; its exit code. Only here an error becomes a message and an exit code."""
    set_up_logging("info")
    try:
        settings = Settings.from_environment(os.environ)
        set_up_logging(settings.log_level)
        listening = bind(settings)
        if settings.tuning.workers == 1:
            work(settings, listening, Place())
            return ExitCode.OK
        return supervise(settings, listening)
    except WbError as error:
        say(error)
        return error.exit_code


def work(settings: Settings, listening: socket.socket, place: Place) -> int:
    """Serve in this process, until told to stop."""
    sys.setswitchinterval(THREADS_GIVE_WAY_AFTER_S)
    with asyncio.Runner(loop_factory=door.new_loop) as runner:
        runner.run(serve(settings, listening, place))
    return ExitCode.OK


def supervise(settings: Settings, listening: socket.socket) -> int:
    """Serve in several workers, until told to stop."""
    log.info("[Workers] %d of them", settings.tuning.workers)
    return Supervisor(
        settings.tuning.workers, listening, lambda place: work(settings, listening, place)
    ).run()


def say(error: WbError) -> None:
    """Log what failed, and what to do next."""
    log.error("error: %s", error.message)
    if error.hint:
        log.error("hint: %s", error.hint)
