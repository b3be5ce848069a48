"""Send images to another engine, one after the other, and check that each has arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.errors import EngineError, EngineUnreachableError, ImageMissingError, WbError
from wb_cli.lifecycle.guard.interrupts import InterruptedByUserError, ended_by_signals
from wb_cli.provision.sending.plan import Sending, Step, Stock
from wb_cli.provision.sending.thin_archive import compress, leave_out, survey
from wb_cli.provision.side_by_side import run_side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wb_cli.engine.base import ImageStore
    from wb_cli.engine.image_content import ImageContent

    Report = Callable[[str, str, int, int | None], None]

ASKED_AT_A_TIME = 8


class Sent(Struct, frozen=True):
    """What was done for an image, or would be.

    ``unpacked`` is the size of what went to the other engine, and ``bytes`` is what it came to on
    the connection, where it is compressed. ``plan`` is missing if the image cannot be sent.
    """

    reference: str
    plan: Sending | None = None
    unpacked: int = 0
    bytes: int = 0
    error: WbError | None = None


class Load(Struct, frozen=True):
    """Members of an image's archive that are not sent, and the size of the rest."""

    reference: str
    left_out: frozenset[str]
    size: int


class Sender:
    """Sends images from the engine ``here`` to the engine ``there``.

    ``report`` gets the image, what is done for it, how many bytes are done, and of how many.
    """

    def __init__(self, here: ImageStore, there: ImageStore, report: Report) -> None:
        self._here, self._there, self._report = here, there, report

    def send_all(self, references: Sequence[str], *, dry_run: bool = False) -> Iterator[Sent]:
        """Send what is missing there. An image that fails leaves the others alone.

        Raises:
            EngineUnreachableError: the connection broke. Images that have arrived stay there.
            InterruptedByUserError: a signal came. The same holds.
        """
        with ended_by_signals():
            stock = self._take_stock()
            for reference in references:
                yield self._send_one(reference, stock, dry_run=dry_run)

    def _take_stock(self) -> Stock:
        store = self._there.describe_store()
        ids = [image.id for image in self._there.list_all()]
        jobs = {image: lambda image=image: self._there.read_content(image) for image in ids}
        stock = Stock(store)
        for _, content in run_side_by_side(jobs, ASKED_AT_A_TIME):
            if isinstance(content, WbError):
                raise content
            if content:  # it may have been removed since it was listed
                stock.add(content)
        return stock

    def _send_one(self, reference: str, stock: Stock, *, dry_run: bool) -> Sent:
        plan = None
        try:
            plan = self._plan(reference, stock)
            sent = self._carry_out(plan, dry_run=dry_run)
        except (EngineUnreachableError, InterruptedByUserError):
            raise
        except WbError as error:
            return Sent(reference, plan, error=error)
        stock.add(plan.content)
        return sent

    def _plan(self, reference: str, stock: Stock) -> Sending:
        content = self._here.read_content(reference)
        if content is None:
            raise ImageMissingError(
                f"{reference} is not on this engine", "`wb pull` or `wb setup` gets it."
            )
        return stock.plan(reference, content, self._there.read_content(reference))

    def _carry_out(self, plan: Sending, *, dry_run: bool) -> Sent:
        if plan.step is Step.SEND:
            load = self._measure(plan.reference, plan.layers)
            return Sent(plan.reference, plan, load.size) if dry_run else self._send(plan, load)
        if plan.step is Step.NAME and not dry_run:
            self._there.tag(plan.known_as, plan.reference)
        return Sent(plan.reference, plan)

    def _measure(self, reference: str, layers: frozenset[str]) -> Load:
        self._report(reference, "reading", 0, None)
        contents = survey(self._here.save([reference]))
        left_out = contents.find_files(without=layers)
        return Load(reference, frozenset(left_out), contents.measure(left_out))

    def _send(self, plan: Sending, load: Load) -> Sent:
        try:
            sent = self._send_load(load)
        except EngineError:
            if not plan.is_partial:
                raise
            # Another command may have removed a layer there.
            load = self._measure(plan.reference, frozenset(plan.content.layers))
            sent = self._send_load(load)
        self._check(plan.reference, plan.content)
        return Sent(plan.reference, plan, load.size, sent)

    def _send_load(self, load: Load) -> int:
        reading = _Reading(
            leave_out(self._here.save([load.reference]), load.left_out),
            lambda done: self._report(load.reference, "sending", min(done, load.size), load.size),
        )
        try:
            self._there.load(reading.count_packed())
        except WbError:
            if reading.error:  # the engine here failed, and not the one there
                raise reading.error from None
            raise
        return reading.sent

    def _check(self, reference: str, content: ImageContent) -> None:
        arrived = self._there.read_content(reference)
        if arrived is None:
            raise ImageMissingError(
                f"{reference} was sent, and that engine has no image of this name",
                "A name with a digest does not travel: name the image by a tag.",
            )
        if not content.equals(arrived):
            raise EngineError(
                f"{reference} is another image there than here",
                "It was changed while it was sent: repeat the command.",
            )


class _Reading:
    """Reads an archive, and counts what goes to the other engine."""

    def __init__(self, pieces: Iterator[bytes], on_bytes: Callable[[int], None]) -> None:
        self._pieces, self._on_bytes = pieces, on_bytes
        self.sent = 0
        self.error: WbError | None = None

    def count_packed(self) -> Iterator[bytes]:
        for packed in compress(self._count()):
            self.sent += len(packed)
            yield packed

    def _count(self) -> Iterator[bytes]:
        done = 0
        try:
            for piece in self._pieces:
                yield piece
                done += len(piece)
                self._on_bytes(done)
        except WbError as error:
            self.error = error
            raise
