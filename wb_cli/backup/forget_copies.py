"""Forget backups at the further places, too. The same rules are applied to what each place has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.backup.retention import Plan, plan_forgetting
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from wb_cli.backup.restic import Restic
    from wb_cli.backup.retention import Rules


class AtPlace(Struct, frozen=True):
    """What becomes of the backups at a place, by instance; or an error that says why nothing does.

    ``is_done`` says that it was done, and not only planned.
    """

    place: str
    plans: Mapping[str, Plan]
    error: WbError | None = None
    is_done: bool = False

    @property
    def gone(self) -> int:
        """How many backups go."""
        return sum(len(plan.gone) for plan in self.plans.values())

    @property
    def is_empty(self) -> bool:
        """Whether nothing goes there."""
        return all(plan.is_empty for plan in self.plans.values())

    def describe(self) -> str:
        """Describe it in a line."""
        if self.is_empty:
            return f"{self.place}: nothing to forget"
        verb = "forgot" if self.is_done else "would forget"
        return f"{self.place}: {verb} {self.gone} backups"

    def as_document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return {
            "repository": self.place,
            "forgotten": self.gone if self.is_done else 0,
            "problem": self.error.message if self.error else "",
        }


def plan_at_places(
    places: Iterable[Restic], rules: Rules, ids: Collection[str] | None, now: float
) -> list[tuple[Restic, AtPlace]]:
    """Plan what goes at each place. ``ids`` are the instances; ``None`` for all."""
    return [(place, _plan(place, rules, ids, now)) for place in places]


def _plan(place: Restic, rules: Rules, ids: Collection[str] | None, now: float) -> AtPlace:
    location = place.repository.location
    try:
        plans = plan_forgetting(place.list_snapshots(), rules, now)
    except WbError as error:
        return AtPlace(location, {}, error)
    return AtPlace(
        location, {id_: plan for id_, plan in plans.items() if ids is None or id_ in ids}
    )


def forget_at_places(
    planned: Iterable[tuple[Restic, AtPlace]], wait_s: float, report: Callable[[str, str], None]
) -> list[AtPlace]:
    """Forget what was planned. A place that fails keeps no other from its turn.

    ``report`` gets the place, and what is done there.
    """
    return [_forget(place, plan, wait_s, report) for place, plan in planned]


def _forget(
    place: Restic, planned: AtPlace, wait_s: float, report: Callable[[str, str], None]
) -> AtPlace:
    if planned.error or planned.is_empty:
        return planned
    try:
        # The manifests of all go first, for the reason that `Plan` names.
        for part in ("first", "then"):
            snapshots = [id_ for plan in planned.plans.values() for id_ in getattr(plan, part)]
            report(planned.place, f"forgetting {len(snapshots)} snapshots")
            place.forget(snapshots, wait_s)
        report(planned.place, "removing what no backup needs")
        place.prune(wait_s)
    except WbError as error:
        return AtPlace(planned.place, {}, error)
    return AtPlace(planned.place, planned.plans, is_done=True)
