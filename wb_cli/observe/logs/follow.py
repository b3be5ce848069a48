"""Follow what the parts of an instance write, also when their containers end and come back."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.engine.events import Event, Happening
from wb_cli.engine.log_lines import LogLine, LogWanted, count_nanoseconds
from wb_cli.engine.types import State
from wb_cli.errors import EngineUnreachableError, NotFoundError
from wb_cli.observe.current_parts import pick_current
from wb_cli.observe.logs.inbox import EventsEnded, Inbox, ReaderGone, StreamEnded, Written
from wb_cli.observe.logs.merge import sort
from wb_cli.observe.logs.read import read_until_now
from wb_cli.observe.status.part_report import describe_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wb_cli.contract import Part
    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ContainerDetail, ObservedContainer
    from wb_cli.errors import WbError
    from wb_cli.observe.current_parts import Current
    from wb_cli.observe.logs.inbox import Item
    from wb_cli.observe.logs.merge import PartLine
    from wb_cli.observe.logs.options import LogChoice

RETRY_S = 0.5
# Other hands may start a container again. A command of wb that will do so is known by its lock.
GRACE_S = 2.0
# An engine that has just started starts the containers of before, one after another.
GRACE_AFTER_LOSS_S = 20.0
# After these events another container may be the current one, or run.
WORTH_A_LOOK = {Happening.STARTED, Happening.ENDED, Happening.RENAMED, Happening.REMOVED}
HAS_PROCESS = {State.RUNNING, State.PAUSED}


class Source(Struct):
    """The container of a part that is followed, and which lines of it are wanted next.

    ``is_doubtful`` says that its stream ended although it seems to run on.
    """

    part: Part
    wanted: LogWanted
    container: str = ""
    name: str = ""
    started_at: str = ""
    is_open: bool = False
    has_told_end: bool = False
    is_doubtful: bool = False


class Watcher(Struct, frozen=True):
    """What a follower needs of its caller.

    ``show`` gets lines in order, and ``tell`` a sentence about what happened. ``is_being_changed``
    says whether a command of wb works on the instance. ``wait_until_gone`` blocks until the reader
    of the lines has gone.
    """

    show: Callable[[Iterable[PartLine]], None]
    tell: Callable[[str], None]
    is_being_changed: Callable[[], bool]
    wait_until_gone: Callable[[], None]


class Follower:
    """Follows some parts of an instance until it is stopped for good, or the reader has gone."""

    def __init__(
        self,
        engine: Engine,
        instance_id: str,
        parts: Sequence[Part],
        choice: LogChoice,
        watcher: Watcher,
    ) -> None:
        self._engine = engine
        self._id = instance_id
        self._choice = choice
        self._watcher = watcher
        at_first = LogWanted(choice.tail, choice.since, follow=True)
        self._sources = {part: Source(part, at_first) for part in parts}
        self._inbox = Inbox()
        self._stopped = threading.Event()
        self._exit_codes: dict[str, int] = {}
        self._has_events = self._is_lost = False
        self._needs_look = True
        self._current: Current = {}
        self._grace_s, self._idle_since = 0.0, 0.0

    def follow(self, current: Current) -> None:
        """Show what the current containers have written, and go on with what comes."""
        self._inbox.hear_of_reader(self._watcher.wait_until_gone)
        try:
            self._open_events()
            for part, container in current.items():
                self._begin(self._sources[part], container)
            self._watcher.show(
                read_until_now(self._engine, current, self._choice, self._note_progress)
            )
            for source in self._sources.values():
                if source.started_at:
                    self._open(source)
            self._go_on()
        finally:
            self._stopped.set()

    def _begin(self, source: Source, container: ObservedContainer) -> None:
        source.container, source.name = container.id, container.name
        if container.state in HAS_PROCESS:
            try:
                source.started_at = self._engine.inspect(container.id).started_at
            except NotFoundError:
                source.has_told_end = True

    def _go_on(self) -> None:
        while True:
            if self._needs_look:
                self._look()
            if self._is_over():
                self._watcher.tell(self._explain_end())
                return
            waits = self._is_lost or self._needs_look or self._is_idle
            items = self._inbox.take(RETRY_S if waits else None)
            self._watcher.show(sort((i.part, i.line) for i in items if isinstance(i, Written)))
            for item in items:
                if isinstance(item, ReaderGone):
                    return
                self._heed(item)

    def _heed(self, item: Item) -> None:
        if isinstance(item, Written):
            if item.container == self._sources[item.part].container:
                self._note_progress(item.part, item.line)
            return
        if isinstance(item, Event):
            self._exit_codes |= (
                {item.container: item.exit_code} if item.exit_code is not None else {}
            )
            self._needs_look |= item.what in WORTH_A_LOOK
            return
        if isinstance(item, StreamEnded):
            if item.error and not isinstance(item.error, EngineUnreachableError | NotFoundError):
                raise item.error
            self._sources[item.part].is_open = False
        if isinstance(item, EventsEnded):
            self._has_events = False
        self._needs_look = True

    def _note_progress(self, part: Part, line: LogLine) -> None:
        """Note how far the output was read, for a stream that is opened after this line."""
        since = count_nanoseconds(line.moment) + 1
        self._sources[part].wanted = LogWanted(since=since, follow=True)

    # Looking at the engine

    def _look(self) -> None:
        self._needs_look = False
        try:
            if not self._has_events:
                self._open_events()
            self._current = pick_current(self._engine.observe(), self._id)
            if self._is_lost:
                self._is_lost = False
                self._watcher.tell("the Docker Engine answers again")
            for source in self._sources.values():
                if not source.is_open:
                    self._check(source, self._current.get(source.part))
        except NotFoundError:  # a container was removed since the listing
            self._needs_look = True
        except EngineUnreachableError as error:
            self._lose(error)

    def _lose(self, error: WbError) -> None:
        self._needs_look = True
        if not self._is_lost:
            self._is_lost, self._grace_s = True, GRACE_AFTER_LOSS_S
            self._watcher.tell(f"{error.message}; waiting for it")

    def _open_events(self) -> None:
        events = self._engine.follow_events(self._stopped)
        self._has_events = True
        self._inbox.collect_events(events, self._id)

    def _check(self, source: Source, container: ObservedContainer | None) -> None:
        """Go on with the current container of a part, or tell how the last one ended."""
        if not container or container.state not in HAS_PROCESS:
            if source.container and not source.has_told_end:
                self._tell_end(source, container)
            return
        detail = self._engine.inspect(container.id)
        if detail.state not in HAS_PROCESS:
            self._needs_look = True
            return
        is_same_run = (detail.id, detail.started_at) == (source.container, source.started_at)
        if is_same_run and not source.is_doubtful:
            # The stream of a container ends a moment before the container does.
            source.is_doubtful = self._needs_look = True
            return
        if not is_same_run:
            self._tell_return(source, container)
        self._take_over(source, container, detail)

    def _take_over(
        self, source: Source, container: ObservedContainer, detail: ContainerDetail
    ) -> None:
        if container.id != source.container:
            source.wanted = LogWanted(follow=True)
        source.container, source.name = container.id, container.name
        source.started_at = detail.started_at
        self._open(source)

    def _open(self, source: Source) -> None:
        source.is_open, source.has_told_end, source.is_doubtful = True, False, False
        self._grace_s = max(self._grace_s, GRACE_S)
        lines = self._engine.read_lines(source.container, source.wanted)
        chosen = filter(self._choice.has, lines) if self._choice.pattern else lines
        self._inbox.collect_lines(source.part, source.container, chosen)

    # Telling what happened

    def _tell_return(self, source: Source, container: ObservedContainer) -> None:
        if not source.container:
            self._watcher.tell(f"{container.name} was started")
        elif container.id != source.container:
            self._watcher.tell(f"{container.name} was replaced; going on with the new container")
        else:
            code = self._exit_codes.pop(container.id, None)
            how = "ended" if code is None else f"exited with code {code}"
            end = "" if source.has_told_end else f"{how} and "
            self._watcher.tell(f"{container.name} {end}was started again")

    def _tell_end(self, source: Source, container: ObservedContainer | None) -> None:
        source.has_told_end = True
        comes_back = container is not None and container.state is State.RESTARTING
        after = "; the engine starts it again" if comes_back else ""
        self._watcher.tell(self._describe_end(source) + after)

    def _describe_end(self, source: Source) -> str:
        """Say how a container ended. If it runs again or is gone, its event knows the code."""
        code = self._exit_codes.pop(source.container, None)
        how = "ended" if code is None else f"exited with code {code}"
        try:
            detail = self._engine.inspect(source.container)
            how = describe_end(detail) if detail.state.has_ended else how
        except NotFoundError:
            how = "was removed" if code is None else how
        return f"{source.name} {how}"

    # The end

    @property
    def _is_idle(self) -> bool:
        """Whether none of the containers that are followed runs, or is about to."""
        followed = [self._current[part] for part in self._sources if part in self._current]
        sources = self._sources.values()
        return not any(container.is_active for container in followed) and not any(
            source.is_open for source in sources
        )

    def _is_over(self) -> bool:
        """Whether all have ended and stay so. Look once more before that is said."""
        now = time.monotonic()
        if not self._is_idle or self._is_lost or self._watcher.is_being_changed():
            self._idle_since = 0.0
            return False
        self._idle_since = self._idle_since or now
        if now - self._idle_since < self._grace_s:
            return False
        self._look()
        return self._is_idle and not self._needs_look

    def _explain_end(self) -> str:
        names = [source.name for source in self._sources.values() if source.name]
        if any(part in self._current for part in self._sources):
            which = "none of its containers runs" if len(names) > 1 else f"{names[0]} does not run"
            return f"{self._id}: {which} any more; `wb run {self._id}` starts it"
        return f"{self._id} was stopped, so nothing more comes"
