"""The bus of versions: it hears what changes in each database, and keeps what addresses mean.

A database is listened to while requests ask for it. If more are asked for than may be listened to,
`main` speaks for the others: while no transaction has ended anywhere, nothing in them has changed.
Nothing here waits for PostgreSQL: while a database is not heard, every request asks it for its
version.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wb_cli.server.db.address import MAIN
from wb_cli.server.db.errors import DatabaseBusyError, DatabaseError
from wb_cli.server.db.notices import EPOCHS, PROJECTS, SilentError, listen
from wb_cli.server.db.pool import Databases
from wb_cli.server.results.addresses import Address, Addresses, Mark, Notebook

log = logging.getLogger(__name__)

AGAIN_AFTER_S = 0.5
# After a refusal that does not pass by itself.
AGAIN_LATER_S = 30.0


class VersionBus:
    """Listens to the databases that are asked for.

    Args:
        databases: where to listen.
        on_stale: is called with the addresses whose things may have changed.
    """

    def __init__(
        self,
        databases: Databases,
        on_stale: Callable[[Sequence[Address]], None] = lambda _: None,
    ) -> None:
        self._databases = databases
        self._clock = asyncio.get_running_loop().time
        self._on_stale = on_stale
        self.addresses = Addresses(self._clock)
        self.answers = 0  # that needed no question to PostgreSQL
        self._notebooks: dict[str, Notebook] = {}
        self._listening: dict[str, asyncio.Task[None]] = {}
        self._hearing: set[str] = set()  # those that tell of their changes themselves
        self._ended = ""  # the transactions, as `main` saw them last
        self._again_at: dict[str, float] = {}
        self._told: dict[str, str] = {}  # what is missing in a database, by its name
        self._is_closed = False

    @property
    def heard(self) -> int:
        """The number of databases whose changes are heard now."""
        now = self._clock()
        return sum(now < notebook.until for notebook in self._notebooks.values())

    def mark(self, database: str) -> Mark | None:
        """The place in the order of notices, before something is read; None if none are heard.

        A project counts only while `main` is heard, which tells of removed projects.
        """
        main, own = self._notebooks.get(MAIN), self._notebooks.get(database)
        if main is None or own is None or main.mark() is None:
            return None
        return own.mark()

    def attend(self, database: str) -> None:
        """Listen to a database that was asked for, and is there."""
        if not self._databases.state.connected:
            return  # its migrations may be under way, or it may be away
        now = self._clock()
        for name in (MAIN, database):
            if notebook := self._notebooks.get(name):
                notebook.asked_at = now
            if name not in self._listening and now >= self._again_at.get(name, 0.0):
                self._listen_to(name)

    def tell(self, database: str, object_id: str | None = None) -> None:
        """Note what this process has changed itself, before anybody is told that it has."""
        if notebook := self._notebooks.get(database):
            notebook.heard(object_id)

    async def close(self) -> None:
        """Stop listening."""
        self._is_closed = True
        tasks = list(self._listening.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def hears_until(self, database: str, moment: float, ended: str) -> None:
        """Note a proof that a database tells of its changes until a moment of the loop's clock."""
        notebook = self._notebooks[database]
        if database not in self._hearing:
            self._hearing.add(database)
            self._told.pop(database, None)
            notebook.doubt()  # what `main` said of it ended before its own first notice
        notebook.hears_until(moment)
        if database == MAIN:
            self._speak_for_others(moment, ended)

    def _speak_for_others(self, moment: float, ended: str) -> None:
        """Note of databases without a listener whether anything may have changed in them."""
        is_same, self._ended = ended == self._ended, ended
        for database, notebook in self._notebooks.items():
            if database in self._hearing or database in self._told:
                continue
            if not is_same:
                notebook.doubt()
            notebook.hears_until(moment)

    def _listen_to(self, database: str) -> None:
        if self._is_closed:
            return
        if database not in self._notebooks:
            self._notebooks[database] = self._notebook_of(database)
        work = self._listen(database, self._notebooks[database])
        self._listening[database] = asyncio.create_task(work, name=f"notices of {database}")

    def _notebook_of(self, database: str) -> Notebook:
        if database != MAIN:
            return Notebook(self._clock, self._on_stale)
        also = {PROJECTS: self._forget_projects}
        also |= dict.fromkeys(EPOCHS, self._databases.look_now)
        return MainNotebook(self._clock, self._on_stale, also)

    def _forget_projects(self) -> None:
        """Look again at which projects there are: one of them has changed or is gone."""
        self._databases.doubt_projects()
        for database, notebook in self._notebooks.items():
            if database != MAIN:
                notebook.heard(None)

    async def _listen(self, database: str, notebook: Notebook) -> None:
        pause = AGAIN_AFTER_S
        try:
            await listen(self._databases, database, Ear(self, database, notebook))
        except SilentError as error:
            pause = AGAIN_LATER_S
            if self._told.get(database) != error.message:
                self._told[database] = error.message
                log.warning("[Bus] %s. Each request asks it for versions.", error.message)
        except DatabaseBusyError:
            pause = AGAIN_LATER_S
        except DatabaseError as error:
            log.info("[Bus] The changes of %s are not heard: %s", database, error.message)
        finally:
            self._go_deaf(database, notebook, pause)

    def _go_deaf(self, database: str, notebook: Notebook, pause: float) -> None:
        concerned = self._notebooks.values() if database == MAIN else (notebook,)
        if database in self._hearing or database in self._told:
            for each in concerned:
                each.went_deaf()
        self._hearing.discard(database)
        self._again_at[database] = self._clock() + pause
        del self._listening[database]


@dataclass(frozen=True, slots=True)
class Ear:
    """The `Reader` of the notices of one database."""

    bus: VersionBus
    database: str
    notebook: Notebook

    def hears_until(self, moment: float, ended: str) -> None:
        """Note a proof."""
        self.bus.hears_until(self.database, moment, ended)

    def heard(self, object_id: str | None) -> None:
        """Note a change."""
        self.notebook.heard(object_id)

    def is_wanted(self) -> bool:
        """Whether anybody has asked for this database lately."""
        return self.notebook.is_wanted()


class MainNotebook(Notebook):
    """What was read from `main`, which also tells of projects and epochs.

    Args:
        clock: as for a notebook.
        on_stale: as for a notebook.
        also: what else is done, by the table that has changed.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        on_stale: Callable[[Sequence[Address]], None],
        also: Mapping[str, Callable[[], None]],
    ) -> None:
        super().__init__(clock, on_stale)
        self._also = also

    def heard(self, object_id: str | None) -> None:
        """Trust nothing any more that this change concerns."""
        super().heard(None)
        if also := self._also.get(object_id or ""):
            also()
