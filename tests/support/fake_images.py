"""The images of an engine in memory, and the registry behind it."""

import json
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from tarfile import TarError, is_tarfile

from wb_cli.engine.images import name_on_mirror
from wb_cli.engine.pull_progress import PullProgress
from wb_cli.engine.types import BuildSpec, ImageInfo
from wb_cli.errors import EngineError, ImageMissingError, NotFoundError


@dataclass(frozen=True)
class FakeImage:
    """One image: what it is, by a number, its labels, and whether a registry gave it."""

    content: str
    labels: Mapping[str, str] = field(default_factory=dict)
    is_pulled: bool = False


@dataclass
class Served:
    """What a registry has under a name; ``stumbles`` are the errors of the next pulls.

    A pull that stumbles has brought ``layers_before`` layers.
    """

    image: FakeImage
    stumbles: list[EngineError] = field(default_factory=list)
    layers_before: int = 1


class FakeImages:
    """See :class:`wb_cli.engine.base.ImageStore`."""

    def __init__(self) -> None:
        self.local: dict[str, FakeImage] = {}
        self.registry: dict[str, Served] = {}
        self.builds: list[BuildSpec] = []
        self.asked: list[str] = []
        self.refuses_build_of: dict[str, str] = {}
        self._contents = (f"content {number}" for number in count(1))
        self._lock = threading.Lock()

    # What the tests do to it

    def publish(self, reference: str, *stumbles: EngineError, layers_before: int = 1) -> None:
        """Put a new image into the registry."""
        image = FakeImage(next(self._contents), is_pulled=True)
        self.registry[reference] = Served(image, list(stumbles), layers_before)

    def have(self, reference: str, **labels: str) -> None:
        """Have a local image that no registry gave."""
        self.local[reference] = FakeImage(next(self._contents), labels)

    # The ImageStore

    def find(self, reference: str) -> ImageInfo | None:
        image = self.local.get(reference)
        if not image:
            return None
        digests = (f"{reference}@sha256:registry-{image.content}",) if image.is_pulled else ()
        return ImageInfo(_id(image), digests)

    def read_labels(self, reference: str) -> Mapping[str, str]:
        image = self.local.get(reference)
        return image.labels if image else {}

    def pull(
        self, reference: str, on_progress: Callable[[PullProgress], None], *, mirror: str = ""
    ) -> None:
        source = name_on_mirror(reference, mirror)
        with self._lock:
            self.asked.append(source)
        served = self.registry.get(source)
        if not served:
            raise NotFoundError(f"manifest for {source} not found")
        if served.stumbles:
            on_progress(PullProgress(layers=served.layers_before))
            raise served.stumbles.pop(0)
        on_progress(PullProgress(layers_done=1, layers=1, done=1, total=1))
        self.local[reference] = served.image

    def build(self, spec: BuildSpec, on_line: Callable[[str], None]) -> None:
        with self._lock:
            self.builds.append(spec)
        if problem := self._problem(spec):
            raise EngineError(f"cannot build {spec.tag}: {problem}")
        on_line("Step 1/1 : FROM base")
        self.local[spec.tag] = FakeImage(next(self._contents), spec.labels)

    def _problem(self, spec: BuildSpec) -> str:
        first = spec.context["Dockerfile"].decode().split()[0]
        is_dockerfile = first in {"ARG", "FROM", "#"}
        return self.refuses_build_of.get(spec.tag, "" if is_dockerfile else f"unknown: {first}")

    def import_archive(self, archive: Path, reference: str, labels: Mapping[str, str]) -> None:
        try:
            is_archive = is_tarfile(archive)
        except TarError:
            is_archive = False
        if not is_archive:
            raise EngineError("archive/tar: invalid tar header")
        self.local[reference] = FakeImage(next(self._contents), labels)

    def save(self, references: Sequence[str]) -> Generator[bytes, None, None]:
        return _documents(
            json.dumps([reference, self.local[reference].content]) for reference in references
        )

    def load(self, archive: Iterable[bytes]) -> None:
        for line in b"".join(archive).splitlines():
            reference, content = json.loads(line)
            self.local[reference] = FakeImage(content)

    def tag(self, source: str, reference: str) -> None:
        if source not in self.local:
            raise ImageMissingError(f"No such image: {source}")
        self.local[reference] = self.local[source]

    def untag(self, reference: str) -> None:
        if self.local.pop(reference, None) is None:
            raise ImageMissingError(f"No such image: {reference}")


def _id(image: FakeImage) -> str:
    return f"sha256:{sha256(image.content.encode()).hexdigest()}"


def _documents(documents: Iterator[str]) -> Generator[bytes, None, None]:
    for document in documents:
        yield document.encode() + b"\n"
