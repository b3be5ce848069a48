"""Fetch images: several at a time, each with an outcome of its own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wb_cli.engine.images import Images
from wb_cli.engine.pull_progress import PullProgress
from wb_cli.errors import NotFoundError, WbError
from wb_cli.images import LABEL_RECIPE
from wb_cli.lifecycle.side_by_side import side_by_side

AT_A_TIME = 4


class Outcome(StrEnum):
    """How a pull ended."""

    PULLED = "pulled"
    UNCHANGED = "up to date"
    LOCAL = "exists only locally, skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Pulled:
    """One image, and how its pull ended; ``error`` where it failed."""

    image: str
    outcome: Outcome
    error: WbError | None = None


OnProgress = Callable[[str, PullProgress], None]


def pull_all(
    images: Images,
    references: Sequence[str],
    on_progress: OnProgress,
    *,
    mirror: str = "",
    at_a_time: int = AT_A_TIME,
) -> Iterator[Pulled]:
    """Pull images side by side; yield each as it ends. One that fails leaves the others alone."""

    def job(reference: str) -> Callable[[], Outcome]:
        def report(progress: PullProgress) -> None:
            on_progress(reference, progress)

        return lambda: pull_one(images, reference, report, mirror)

    jobs = {reference: job(reference) for reference in references}
    for reference, outcome in side_by_side(jobs, at_a_time):
        if isinstance(outcome, WbError):
            yield Pulled(reference, Outcome.FAILED, outcome)
        else:
            yield Pulled(reference, outcome)


def pull_one(
    images: Images,
    reference: str,
    on_progress: Callable[[PullProgress], None],
    mirror: str = "",
) -> Outcome:
    """Pull one image, unless it exists on this engine alone.

    Raises:
        WbError: it could not be fetched.
    """
    if LABEL_RECIPE in images.labels(reference):
        return Outcome.LOCAL
    before = images.find(reference)
    try:
        images.pull(reference, on_progress, mirror=mirror)
    except NotFoundError:
        # No registry knows it, and it never came from one: somebody built it here.
        if before is not None and not before.digests:
            return Outcome.LOCAL
        raise
    after = images.find(reference)
    is_unchanged = before is not None and after is not None and before.id == after.id
    return Outcome.UNCHANGED if is_unchanged else Outcome.PULLED
