"""Move a running instance to another major version of PostgreSQL.

Check -> make a folder -> back up -> stop the platform -> copy all databases beside -> compare ->
stop, exchange the folders, start. The platform is away from its stop on. The old folders come back
by themselves if the instance does not become healthy, as with a restore, and what is cut off is
settled as there.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.backup.another_postgres.move import Move
from wb_cli.backup.another_postgres.writers import Writers
from wb_cli.backup.copying.room import WAL_BYTES, require_room
from wb_cli.backup.restoring.around import back_up, back_up_after
from wb_cli.contract import Part
from wb_cli.errors import WbError
from wb_cli.instances.secrets import choose_passwords
from wb_cli.lifecycle.exchanging import upgraded_images
from wb_cli.lifecycle.exchanging.upgraded_images import Images
from wb_cli.lifecycle.folders import refuse_missing_mount_path
from wb_cli.lifecycle.guard.half_restored import Left, suggest
from wb_cli.lifecycle.planning.images import choose_images

if TYPE_CHECKING:
    from wb_cli.backup.another_postgres.upgraded import Upgraded
    from wb_cli.backup.copying.counting import Postgres
    from wb_cli.backup.restic import Restic
    from wb_cli.backup.restoring.replacing import Replacement
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.lifecycle.exchanging.exchange import Exchange
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.lifecycle.options import RunOptions

# The dump and the new databases lie beside the old ones for a while.
COPIES = 2


class Major(Struct):
    """Moves one instance from the ``postgres`` that runs to the image that is planned."""

    replacement: Replacement
    planned: Upgraded
    postgres: ObservedContainer
    database: Postgres
    restic: Restic | None

    def check(self, machine: Machine) -> None:
        """Raise an error if there is no way, or no room. Change nothing."""
        id_ = self._exchange.instance.id
        if (left := self._exchange.look()) is not Left.NOTHING:
            raise WbError(f"{id_}: {left.value}", suggest(left, id_))
        refuse_missing_mount_path(self._fleet.settings, machine)
        require_room(
            machine,
            self._exchange.root,
            self.planned.database_bytes * COPIES + WAL_BYTES,
            "a dump and a copy of the databases",
            "Make room there. The dump is removed at the end, and the old databases by "
            f"`wb restore {id_} --accept`.",
        )

    def run(self, machine: Machine) -> Upgraded:
        """Move it.

        Raises:
            WbError: something does not fit, or the instance did not become healthy. It runs as
                before then.
            InterruptedError: a signal came. The same holds.
        """
        self._pin()
        move = self._make_move()
        id_ = self._exchange.instance.id
        writers = Writers(self._fleet.engine, id_, self.database, self._options)
        try:
            machine.create(self._exchange.root, (contract.RESTORED,), {})
            self._tell_left_out(move.prepare().left_out)
            self._back_up_first()
            began = time.monotonic()
            writers.stop()
            moved = move.copy()
            writers.refuse_writes()
        except BaseException:
            self._clean_up(writers)
            raise
        started = self.replacement.run(has_way_back=True, image=self.planned.image)
        away_s = time.monotonic() - began
        self._back_up_after()
        done = self.planned.as_done(started.url, started.platform, away_s)
        return replace(done, tables=moved.tables, rows=moved.rows)

    @property
    def _exchange(self) -> Exchange:
        return self.replacement.exchange

    @property
    def _fleet(self) -> Fleet:
        return self._exchange.fleet

    @property
    def _options(self) -> RunOptions:
        return self.replacement.options

    def _pin(self) -> None:
        """Declare the image that runs, where one is declared that cannot open the databases.

        Else nothing could start the instance again after a failure.
        """
        engine, instance = self._fleet.engine, self._exchange.instance
        declared = engine.find_image(choose_images(instance, self._fleet.settings)[Part.POSTGRES])
        if declared and str(declared.postgres_major) == self.planned.before.partition(".")[0]:
            return
        named = engine.find_image(self.postgres.image)
        is_same = named is not None and named.id == self.postgres.image_id
        image = self.postgres.image if is_same else self.postgres.image_id
        self._exchange.instance = upgraded_images.declare(self._fleet, instance, image)

    def _make_move(self) -> Move:
        instance, fleet = self._exchange.instance, self._fleet
        stored = fleet.secrets.read(instance.id)
        passwords = choose_passwords(fleet.settings, stored, is_initialised=True)
        if passwords is None:
            raise AssertionError("the passwords of a database are known, or choosing them raises")
        return Move(
            self._exchange,
            self.postgres.id,
            passwords.postgres,
            self.planned.image,
            Images(before=instance.postgres_image or "", after=self.planned.image),
            self._options,
        )

    def _tell_left_out(self, names: list[str]) -> None:
        if names:
            self._options.tell(
                f"{self.planned.image} does not know these settings, so they are left out: "
                f"{', '.join(names)}"
            )

    def _back_up_first(self) -> None:
        if self.restic is None:
            return
        made = back_up(self._fleet, self.restic, self._exchange.instance, self._options)
        self._options.tell(f"first, {made.describe()}")

    def _back_up_after(self) -> None:
        """Back up what can go back to moments: no earlier backup fits the new databases."""
        instance = self._exchange.instance
        if self.restic and instance.point_in_time:
            back_up_after(self._fleet, self.restic, instance, self._options)

    def _clean_up(self, writers: Writers) -> None:
        """Let all run as before, or say what does it later. The engine may be gone."""
        try:
            writers.start_again()
            if self._exchange.look() is Left.FETCHED:
                self._exchange.move("discard")
        except WbError as error:
            id_ = self._exchange.instance.id
            self._options.tell(f"{error.headline}; `wb run {id_}` puts it in order")
