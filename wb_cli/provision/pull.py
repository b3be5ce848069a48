"""Pull images, several at a time. An image that fails does not stop the others."""

import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.engine.base import ImageStore
from wb_cli.engine.pull_progress import PullProgress
from wb_cli.engine.types import ImageInfo
from wb_cli.errors import EngineError, NotFoundError, WbError
from wb_cli.provision.recipes import LABEL_RECIPE
from wb_cli.provision.side_by_side import run_side_by_side

ATTEMPTS = 3
# How the engine says, in the words of the Go library, that it cannot reach a registry.
UNREACHED = re.compile(r'"https?://([^/"]+)/[^"]*":.*?(dial tcp|TLS|timeout|EOF|deadline)')
REASON = re.compile(r"no such host|connection refused|network is unreachable|no route to host")
WITHOUT_REGISTRY = (
    "`wb images build` builds images here, `wb pull --mirror HOST:PORT` takes them from a registry "
    "of yours, `wb images load FILE` from a file of `wb images save`."
)


class PullEnding(StrEnum):
    """How a pull ended."""

    PULLED = "pulled"
    UNCHANGED = "up to date"
    LOCAL = "exists only locally, skipped"
    FAILED = "failed"


class ImageResult(Struct, frozen=True):
    """How the pull of one image ended, with the error if it failed."""

    image: str
    ending: PullEnding
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
) -> Iterator[ImageResult]:
    """Pull images side by side. Yield the result of each when its pull ends."""

    def job(reference: str) -> Callable[[], PullEnding]:
        def report(progress: PullProgress) -> None:
            on_progress(reference, progress)

        return lambda: pull_one(images, reference, report, mirror)

    jobs = {reference: job(reference) for reference in references}
    for reference, ending in run_side_by_side(jobs, at_a_time):
        if isinstance(ending, WbError):
            yield ImageResult(reference, PullEnding.FAILED, explain(ending))
        else:
            yield ImageResult(reference, ending)


def pull_one(
    images: ImageStore,
    reference: str,
    on_progress: OnOneProgress,
    mirror: str = "",
) -> PullEnding:
    """Pull one image, unless it exists only on this engine.

    Raises:
        WbError: the image could not be pulled.
    """
    if LABEL_RECIPE in images.read_labels(reference):
        return PullEnding.LOCAL
    before = images.find(reference)
    try:
        _fetch(images, reference, on_progress, mirror)
    except NotFoundError:
        if before is not None and not is_from_registry(before):
            return PullEnding.LOCAL
        raise
    after = images.find(reference)
    is_unchanged = before is not None and after is not None and before.id == after.id
    return PullEnding.UNCHANGED if is_unchanged else PullEnding.PULLED


def explain(error: WbError) -> WbError:
    """Say it in plain words if the engine could not reach the registry, and what works without."""
    found = UNREACHED.search(error.message)
    if not found:
        return error
    reason = REASON.search(error.message)
    error.message = f"the registry {found[1]} cannot be reached: " + (
        reason[0] if reason else error.message.rpartition(": ")[2]
    )
    error.hint = WITHOUT_REGISTRY
    return error


def is_from_registry(image: ImageInfo) -> bool:
    """Whether an image was certainly pulled or pushed, and not only built here.

    An engine that keeps its images in containerd gives every image a digest. A digest that equals
    the image's id does not say where the image came from.
    """
    return not all(digest.endswith(image.id) for digest in image.digests)


def _fetch(images: ImageStore, reference: str, on_progress: OnOneProgress, mirror: str) -> None:
    """Pull an image. Try again if the pull broke midway, as the engine keeps the finished layers.

    A registry that did not begin to send is not asked again, because that would only cost time.
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
