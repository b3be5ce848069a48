"""A throw-away PostgreSQL on restored databases, for as long as a block runs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING

from wb_cli.backup.copying.base_backup import DATA, INSIDE
from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import UnexpectedError, WbError
from wb_cli.lifecycle.execute import Cancellation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wb_cli.backup.trial import Trial
    from wb_cli.engine.base import Engine

SOCKETS = f"{DATA}.sockets"
STARTED = "started"


class Database:
    """Runs PostgreSQL in a thread. ``ended`` is set when it has ended, or at a signal."""

    def __init__(self, engine: Engine, spec: TaskSpec, cancelled: threading.Event) -> None:
        self._engine, self._spec = engine, spec
        self.ended = Cancellation(cancelled)
        self._stop = Cancellation(cancelled)
        self._told = threading.Event()
        self._problem: WbError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            WbError: it ended.
            InterruptedError: a signal came.
        """
        self._thread.start()
        self._told.wait()
        self.require()

    def require(self) -> None:
        """Refuse to go on without it.

        Raises:
            WbError: it has ended.
            InterruptedError: a signal came.
        """
        if self._problem:
            raise self._problem
        if self.ended.is_set():
            raise InterruptedError

    def stop(self) -> None:
        """End it, and wait until its container is gone."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            end = self._engine.run_task(self._spec, self._hear, self._stop)
            why = "there was too little memory, or it was ended" if end.was_killed else end.why
            self._problem = WbError(f"the throw-away PostgreSQL ended: {why}")
        except InterruptedError:
            pass
        except WbError as error:
            self._problem = error
        except Exception as error:  # noqa: BLE001  (it is raised where somebody waits)
            self._problem = UnexpectedError(error)
        finally:
            self.ended.set()
            self._told.set()

    def _hear(self, line: str) -> None:
        if line == STARTED:
            self._told.set()


@contextmanager
def running_database(
    engine: Engine,
    trial: Trial,
    memory: int,
    labels: Mapping[str, str],
    cancelled: threading.Event,
) -> Iterator[Database]:
    """Run PostgreSQL on the databases of a trial, in at most ``memory`` bytes.

    Its socket lies in ``SOCKETS`` of the trial's folder.

    Raises:
        WbError: it does not start.
        InterruptedError: a signal came.
    """
    spec = TaskSpec(
        purpose="rehearsal",
        image=trial.image,
        command=("sh", "-c", files(__package__).joinpath("database.sh").read_text(), "database"),
        mounts=(TaskMount(str(trial.target), INSIDE, is_read_only=False),),
        labels=labels,
        memory=memory,
    )
    database = Database(engine, spec, cancelled)
    try:
        database.start()
        yield database
    finally:
        database.stop()
