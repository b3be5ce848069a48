"""Let a batch run for a while, look at it again, and judge it against those still to come."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wb_cli.cli.hosts import observe_hosts
from wb_cli.cli.show.endings import act_in_steps
from wb_cli.quantities import describe_duration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from wb_cli.cli.console import Tasks
    from wb_cli.cli.context import Wb
    from wb_cli.engine.types import Observed
    from wb_cli.errors import WbError
    from wb_cli.lifecycle.ended import Ended
    from wb_cli.lifecycle.options import RunOptions
    from wb_cli.upgrade.looking import Looks
    from wb_cli.upgrade.soaking import Judged
    from wb_cli.upgrade.upgraded import Upgraded


class Soak:
    """The soaks of one rollout. ``judged`` is what came of each that was judged.

    A soak of 0 seconds is none. Without ``judges`` it is only seen whether the upgraded run.
    """

    def __init__(
        self, wb: Wb, hosts: Mapping[str, Wb], options: RunOptions, seconds: float, *, judges: bool
    ) -> None:
        self._wb, self._hosts, self._options = wb, hosts, options
        self._seconds, self._judges = seconds, judges
        self._before: Looks | None = None
        self.judged: list[Judged] = []

    @property
    def worse(self) -> str:
        """Why the upgraded do worse, in words; "" if they were not found to."""
        from wb_cli.upgrade.judging import Verdict

        last = self.judged[-1].judgement if self.judged else None
        return last.describe() if last and last.verdict is Verdict.WORSE else ""

    def watch_before(self, ids: Sequence[str]) -> None:
        """Watch all instances as long as a soak takes, and take in the hour before."""
        if ids and self._seconds and self._judges and not self._options.dry_run:
            self._before = self._watch("watching how they do before", ids).look_back()

    def run(self, endings: Sequence[Ended[Upgraded]], left: Sequence[str]) -> int:
        """Let a batch run for a while. Give how many of all so far do not run well any more."""
        from wb_cli.upgrade.upgraded import Ending
        from wb_cli.upgrade.watching import find_unwell

        results = {each.instance: each.result for each in endings if each.result}
        ran = {id_ for id_, result in results.items() if result.ending is Ending.UPGRADED}
        if not self._seconds or not ran:
            return 0
        if self._before:
            self._judge(self._before, self._watch("soaking", [*ran, *left]), ran, left)
        else:
            for remaining in self._count_down("soaking"):
                time.sleep(min(1.0, remaining))
        observed, silent = self._observe(ran)
        unwell = find_unwell(observed, [id_ for id_ in ran if self._hosts[id_].host not in silent])
        for id_ in ran - unwell.keys():
            if error := silent.get(self._hosts[id_].host):
                unwell[id_] = f"whether it runs well is not known: {error.headline}"
        for id_, why in unwell.items():
            self._wb.console.note(f"{id_}: {why}; `wb why {id_}`, `wb rollback {id_}`")
        return len(unwell)

    def _watch(self, what: str, ids: Sequence[str]) -> Looks:
        from wb_cli.upgrade.looking import Looks

        with self._shown(what) as tasks:
            looks = Looks(lambda: self._observe(ids)[0], self._wb.secrets, ids)
            return looks.look_for(
                self._seconds, lambda left: tasks.update("rollout", f"{what}: {left:.0f} s left")
            )

    def _observe(self, ids: Iterable[str]) -> tuple[Observed, Mapping[str | None, WbError]]:
        """Look at the engines of instances. Of those that do not answer, give the errors."""
        return observe_hosts(self._wb, {self._hosts[id_].host for id_ in ids})

    @contextmanager
    def _shown(self, what: str) -> Iterator[Tasks]:
        """Show how long something still takes: live on a terminal, in one line elsewhere."""
        with self._wb.console.tasks(has_lines=False) as tasks:
            if not sys.stderr.isatty() and not self._wb.console.is_quiet:
                self._wb.console.note(f"rollout: {what}, for {describe_duration(self._seconds)}")
            yield tasks

    def _count_down(self, what: str) -> Iterator[float]:
        with self._shown(what) as tasks:
            end = time.monotonic() + self._seconds
            while (left := end - time.monotonic()) > 0:
                tasks.update("rollout", f"{what}: {left:.0f} s left")
                yield left

    def _judge(
        self, before: Looks, after: Looks, ran: Collection[str], left: Sequence[str]
    ) -> None:
        """Judge those that were upgraded, say it, and keep it with the upgrade of each."""
        from wb_cli.upgrade.soaking import Noted, judge_batch

        judged = judge_batch(before, after, ran, left)
        self.judged.append(judged)
        self._wb.console.note(f"the upgraded, judged: {judged.judgement.describe()}")

        def keep(id_: str, _: RunOptions) -> Noted:
            from wb_cli.upgrade.attempts import Attempts

            Attempts(self._wb.settings.servers_file, id_).judge(judged.describe_for(id_))
            return Noted(judged.find_verdict(id_))

        act_in_steps(self._wb, self._options, list(judged.instances), keep, self._hosts)

    def make_documents(self) -> list[dict[str, Any]]:
        """Make what ``--json`` says of it."""
        return [each.as_document() for each in self.judged]
