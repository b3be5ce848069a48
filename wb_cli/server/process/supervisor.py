"""The parent of several workers: it starts them, carries their messages, and ends with them.

It answers no request itself. It has no thread and no event loop, so that it may fork at any time.
"""

import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from wb_cli.contract import SHUTDOWN_FAILSAFE_S
from wb_cli.server.process.shutdown import SIGNALS, leave
from wb_cli.server.process.siblings import Place
from wb_cli.server.process.switchboard import Switchboard

log = logging.getLogger(__name__)

# A worker that ends sooner has failed to begin. After so many in a row, all would only fail again.
LIVES_AT_LEAST_S = 10.0
FAILURES_ALLOWED = 3
# Each worker ends itself after the failsafe's time. Later than this, it hangs.
KILLED_AFTER_S = SHUTDOWN_FAILSAFE_S + 0.5
SIGNALS_READ = 4096


@dataclass(frozen=True)
class Worker:
    """A worker's process."""

    number: int
    pid: int
    began: float


class Supervisor:
    """Keeps so many workers alive, until a signal comes or they fail again and again.

    A worker that ends is replaced at once. The others accept all connections meanwhile. But when
    workers end within seconds of their start, three in a row, then the whole ends with status 1:
    the engine, its restart policy and `wb why` see a crash, which a parent that restarts for ever
    would hide.

    A worker notices the end of its parent by the end of its line, and stops by itself.

    Args:
        count: how many workers.
        listening: the socket that all of them accept from.
        work: is called in each worker, and returns its exit code.
    """

    def __init__(self, count: int, listening: socket.socket, work: Callable[[Place], int]) -> None:
        self._count = count
        self._listening = listening
        self._work = work
        self._workers: dict[int, Worker] = {}
        self._selector = selectors.DefaultSelector()
        self._switchboard = Switchboard(self._selector)
        self._signals, self._woken = socket.socketpair()
        self._began = time.monotonic()
        self._failures = 0
        self._exit_code = 0
        self._stops_until: float | None = None

    def run(self) -> int:
        """Work until all workers have ended; the exit code of the whole."""
        self._take_signals()
        for number in range(1, self._count + 1):
            self._begin(number, is_replacement=False)
        while self._workers:
            self._step()
        self._close()
        return self._exit_code

    def _step(self) -> None:
        """Wait for something to happen, and deal with it."""
        timeout = None
        if self._stops_until is not None:
            timeout = max(0.0, self._stops_until - time.monotonic())
        ready = self._selector.select(timeout)
        if not ready and timeout is not None:
            self._kill_the_rest()
        for key, events in ready:
            key.data(events)

    def _close(self) -> None:
        """Close what this process, or a worker that leaves it behind, has of the parent."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._switchboard.close()
        self._signals.close()
        self._woken.close()

    # Signals ---------------------------------------------------------------------------------

    def _take_signals(self) -> None:
        for end in (self._signals, self._woken):
            end.settimeout(0)
        signal.set_wakeup_fd(self._woken.fileno())
        for number in (*SIGNALS, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._selector.register(self._signals, selectors.EVENT_READ, self._on_signals)

    def _on_signals(self, _: int) -> None:
        numbers = self._signals.recv(SIGNALS_READ)
        stops = [number for number in numbers if number in SIGNALS]
        if stops and self._stops_until is None:
            log.info("[Shutdown] %s received", signal.Signals(stops[0]).name)
            self._stop()
        self._bury()

    def _stop(self) -> None:
        """Tell all workers to stop. Those that hang are killed later."""
        self._stops_until = time.monotonic() + KILLED_AFTER_S
        self._listening.close()
        for worker in self._workers.values():
            os.kill(worker.pid, signal.SIGTERM)

    def _kill_the_rest(self) -> None:
        log.warning("[Shutdown] Timed out — forcing exit")
        self._exit_code = 1
        self._stops_until = time.monotonic() + KILLED_AFTER_S
        for worker in self._workers.values():
            os.kill(worker.pid, signal.SIGKILL)

    # Workers ---------------------------------------------------------------------------------

    def _begin(self, number: int, *, is_replacement: bool) -> None:
        """Start a worker. The others know of it before it is there."""
        self._switchboard.tell_who_is_alive({*self._workers, number})
        ours, theirs = socket.socketpair()
        # A signal between the fork and the worker's first step would be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        pid = os.fork()
        if pid == 0:
            ours.close()
            place = Place(number, self._count, theirs, self._began, is_replacement=is_replacement)
            self._become_worker(place)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        theirs.close()
        self._workers[number] = Worker(number, pid, time.monotonic())
        self._switchboard.add(number, ours)
        self._switchboard.tell_who_is_alive(self._workers)

    def _become_worker(self, place: Place) -> None:
        """Leave everything of the parent behind, work, and exit."""
        code = 1
        try:
            for number in (*SIGNALS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            # While a worker holds the parent's ends, no other would notice the parent's end.
            self._close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            code = self._work(place)
        except BaseException:
            log.exception("[Workers] %d failed", place.number)
        finally:
            leave(code)

    def _bury(self) -> None:
        """Note every worker that has ended, and start another in its place."""
        for worker in list(self._workers.values()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._on_end(worker, os.waitstatus_to_exitcode(status))

    def _on_end(self, worker: Worker, code: int) -> None:
        del self._workers[worker.number]
        self._switchboard.remove(worker.number)
        if self._stops_until is not None:
            # A worker that had not begun yet ends by the signal itself.
            if code not in (0, -signal.SIGTERM):
                self._exit_code = 1
            self._switchboard.tell_who_is_alive(self._workers)
            return
        self._note_failure(time.monotonic() - worker.began)
        if self._failures >= FAILURES_ALLOWED:
            log.error("[Workers] %d %s. It is not the first: all end", worker.number, how(code))
            self._exit_code = 1
            self._stop()
        else:
            log.warning("[Workers] %d %s. Another takes its place", worker.number, how(code))
            self._begin(worker.number, is_replacement=True)

    def _note_failure(self, lived_s: float) -> None:
        self._failures = self._failures + 1 if lived_s < LIVES_AT_LEAST_S else 0


def how(code: int) -> str:
    """How a worker has ended, in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with status {code}"
