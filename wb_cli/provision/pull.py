"""Fetch images: several at a time, each with an outcome of its own."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.engine.base import ImageStore
from wb_cli.engine.pull_progress import PullProgress
from wb_cli.engine.types import ImageInfo
from wb_cli.errors import EngineError, NotFoundError, WbError
from wb_cli.provision.recipes import LABEL_RECIPE
from wb_cli.provision.side_by_side import side_by_side

ATTEMPTS = 3


class Outcome(StrEnum):
    """How a pull ended."""

    PULLED = "pulled"
    UNCHANGED = "up to date"
    LOCAL = "exists only locally, skipped"
    FAILED = "failed"


class Pulled(Struct, frozen=True):
    """One image, and how its pull ended; ``error`` where it failed."""

    image: str
    outcome: Outcome
    error: WbError | None = None


OnProgress = Callable[[str, PullProgress], None]
OnOneProgress = Callable[[PullProgress], None]


def pull_all(
    images: ImageStore,
    references: Sequence[str],
    on_progress: OnProgress,
    *,
    at_a_time: int,
    mirror: str = "",
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
    images: ImageStore,
    reference: str,
    on_progress: OnOneProgress,
    mirror: str = "",
) -> Outcome:
    """Pull one image, unless it exists on this engine alone.

    Raises:
        WbError: it could not be fetched.
    """
    if LABEL_RECIPE in images.read_labels(reference):
        return Outcome.LOCAL
    before = images.find(reference)
    try:
        _fetch(images, reference, on_progress, mirror)
    except NotFoundError:
        if before is not None and not came_from_a_registry(before):
            return Outcome.LOCAL
        raise
    after = images.find(reference)
    is_unchanged = before is not None and after is not None and before.id == after.id
    return Outcome.UNCHANGED if is_unchanged else Outcome.PULLED


def came_from_a_registry(image: ImageInfo) -> bool:
    """Whether an image is known to have been pulled or pushed, rather than built here.

    With its images in containerd, an engine names every one by a digest, which is the image's
    id: that says nothing of where it came from.
    """
    return not all(digest.endswith(image.id) for digest in image.digests)


def _fetch(images: ImageStore, reference: str, on_progress: OnOneProgress, mirror: str) -> None:
    """Pull, and again where it broke midway; the engine keeps the layers that it has.

    A registry that did not even begin to answer is not asked again: that would only cost time.
    """
    latest = PullProgress()

    def note(progress: PullProgress) -> None:
        nonlocal latest
        latest = progress
        on_progress(progress)

    for attempt in range(1, ATTEMPTS + 1):
        try:
            images.pull(reference, note, mirror=mirror)
        except EngineError as error:
            has_begun = latest.layers > 0 and not isinstance(error, NotFoundError)
            if attempt == ATTEMPTS or not has_begun:
                raise
            again = f"try {attempt + 1} of {ATTEMPTS}, after: {error.message}"
            on_progress(replace(latest, note=again))
        else:
            return
