"""The images of an engine in memory, and the registry behind it."""

import io
import json
import tarfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path

from wb_cli.engine.docker.images import name_on_mirror
from wb_cli.engine.image_content import ImageContent, StoreInfo
from wb_cli.engine.pull_progress import PullProgress
from wb_cli.engine.types import BuildSpec, ImageInfo, ListedImage
from wb_cli.errors import EngineError, ImageMissingError, NotFoundError


@dataclass(frozen=True)
class FakeImage:
    """One image: what it is, by a number, its labels, and whether a registry gave it."""

    content: str
    labels: Mapping[str, str] = field(default_factory=dict)
    is_pulled: bool = False
    layers: tuple[str, ...] = ()


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
        self.prints: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.refuses_build_of: dict[str, str] = {}
        self.architecture = "amd64"
        self.completes_images = True
        self.loaded_layers: list[str] = []
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

    def have_layers(self, reference: str, *layers: str) -> None:
        """Have a local image of these layers."""
        self.local[reference] = FakeImage(next(self._contents), layers=layers)

    # The ImageStore

    def find(self, reference: str) -> ImageInfo | None:
        image = self.local.get(reference)
        if not image:
            return None
        digests = (f"{reference}@sha256:registry-{image.content}",) if image.is_pulled else ()
        return ImageInfo(_id(image), digests)

    def list_all(self) -> tuple[ListedImage, ...]:
        references: dict[str, list[str]] = {}
        for reference, image in self.local.items():
            references.setdefault(image.content, []).append(reference)
        labels = {image.content: image.labels for image in self.local.values()}
        return tuple(
            ListedImage(f"sha256:{content}", tuple(names), labels[content], bytes=1, created=1.0)
            for content, names in references.items()
        )

    def read_content(self, reference: str) -> ImageContent | None:
        image = self._find(reference)
        if not image:
            return None
        return ImageContent(_id(image), image.layers, image.content, self.architecture)

    def _find(self, reference: str) -> FakeImage | None:
        """Find an image by a name, by its id, or by the id with which it is listed."""
        ids = {_id(image): image for image in self.local.values()}
        listed = {f"sha256:{image.content}": image for image in self.local.values()}
        return (ids | listed | self.local).get(reference)

    def describe_store(self) -> StoreInfo:
        return StoreInfo(self.architecture, self.completes_images)

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
        for line in self.prints.get(spec.tag, ()):
            on_line(line)
        self.local[spec.tag] = FakeImage(next(self._contents), spec.labels)

    def _problem(self, spec: BuildSpec) -> str:
        first = spec.context["Dockerfile"].decode().split()[0]
        is_dockerfile = first in {"ARG", "FROM", "#"}
        return self.refuses_build_of.get(spec.tag, "" if is_dockerfile else f"unknown: {first}")

    def import_archive(self, archive: Path, reference: str, labels: Mapping[str, str]) -> None:
        try:
            is_archive = tarfile.is_tarfile(archive)
        except tarfile.TarError:
            is_archive = False
        if not is_archive:
            raise EngineError("archive/tar: invalid tar header")
        self.local[reference] = FakeImage(next(self._contents), labels)

    def save(self, references: Sequence[str]) -> Generator[bytes, None, None]:
        documents: dict[str, bytes] = {}
        manifest = []
        for reference in references:
            image = self.local[reference]
            config = {"content": image.content, "rootfs": {"diff_ids": image.layers}}
            documents |= {
                f"{layer}/layer.tar": f"all of {layer}".encode() for layer in image.layers
            }
            documents[f"{_id(image)}.json"] = json.dumps(config).encode()
            layers = [f"{layer}/layer.tar" for layer in image.layers]
            manifest.append(
                {"Config": f"{_id(image)}.json", "RepoTags": [reference], "Layers": layers}
            )
        yield from make_archive(documents | {"manifest.json": json.dumps(manifest).encode()})

    def load(self, archive: Iterable[bytes]) -> None:
        with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as members:
            files = {each.name: members.extractfile(each) for each in members if each.isfile()}
            documents = {name: file.read() for name, file in files.items() if file}
        for image in json.loads(documents["manifest.json"]):
            config = json.loads(documents[image["Config"]])
            layers = tuple(config["rootfs"]["diff_ids"])
            self._load_layers(layers, documents)
            for reference in image["RepoTags"]:
                self.local[reference] = FakeImage(config["content"], layers=layers)

    def _load_layers(self, layers: tuple[str, ...], documents: Mapping[str, bytes]) -> None:
        known = {image.layers[:end] for image in self.local.values() for end in range(99)}
        for end, layer in enumerate(layers, 1):
            if layers[:end] in known and self.completes_images:
                continue
            if f"{layer}/layer.tar" not in documents:
                raise EngineError(f"open {layer}/layer.tar: no such file or directory")
            self.loaded_layers.append(layer)

    def tag(self, source: str, reference: str) -> None:
        image = self._find(source)
        if image is None:
            raise ImageMissingError(f"No such image: {source}")
        self.local[reference] = image

    def untag(self, reference: str) -> None:
        if self.local.pop(reference, None) is None:
            raise ImageMissingError(f"No such image: {reference}")


def _id(image: FakeImage) -> str:
    return f"sha256:{sha256(image.content.encode()).hexdigest()}"


def make_archive(documents: Mapping[str, bytes]) -> Iterator[bytes]:
    """Make an archive of files, in pieces of an odd size."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in documents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    whole = buffer.getvalue()
    for start in range(0, len(whole), 777):
        yield whole[start : start + 777]
