"""Find, pull, build, import, save, load and tag images on the engine."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections import deque
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from wb_cli.engine.docker import read
from wb_cli.engine.docker.client import docker_errors
from wb_cli.engine.docker.stream import Feed, watch
from wb_cli.engine.image_content import read_content, read_store
from wb_cli.engine.pull_progress import PullProgress, Tally
from wb_cli.errors import EngineError, ImageMissingError, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import docker

    from wb_cli.engine.image_content import ImageContent, StoreInfo
    from wb_cli.engine.types import BuildSpec, ImageInfo, ListedImage

# A slow link still brings some bytes. An image registry that is silent for so long is gone.
PULL_SILENCE_S = 120.0
# A step of a build may work for long without any output.
BUILD_SILENCE_S = 600.0
LAST_LINES = 8
PIECE = 1024 * 1024
STATUS_LINES = ("--->", "Removing intermediate container")


class Images:
    """See :class:`wb_cli.engine.base.ImageStore`.

    ``pull_silence`` is the number of seconds that an image registry may be silent in a pull.
    """

    def __init__(
        self, client: docker.DockerClient, *, pull_silence: float = PULL_SILENCE_S
    ) -> None:
        self._api: Any = client.api  # the stubs lack half of what images need
        self._pull_silence = pull_silence

    def find(self, reference: str) -> ImageInfo | None:
        """Find the local image of a reference."""
        inspected = self._inspect(reference)
        return read.image(inspected) if inspected else None

    def list_all(self) -> tuple[ListedImage, ...]:
        """List all images, but for the layers of builds."""
        with docker_errors():
            listed = tuple(map(read.listed_image, self._api.images()))
        return tuple(
            image if image.references else replace(image, last_step=self._read_last_step(image.id))
            for image in listed
        )

    def _read_last_step(self, image: str) -> str:
        try:
            with docker_errors():
                steps = self._api.history(image)
        except (ImageMissingError, NotFoundError):  # it was removed after the listing
            return ""
        return str(steps[0].get("CreatedBy", "")) if steps else ""

    def read_labels(self, reference: str) -> Mapping[str, str]:
        """Read the labels of a local image. A missing image has none."""
        inspected = self._inspect(reference)
        return (inspected["Config"].get("Labels") or {}) if inspected else {}

    def read_content(self, reference: str) -> ImageContent | None:
        """Read what a local image is made of."""
        inspected = self._inspect(reference)
        return read_content(inspected) if inspected else None

    def describe_store(self) -> StoreInfo:
        """Read how the engine keeps its images."""
        with docker_errors():
            return read_store(self._api.info(), self._api.version(api_version=False))

    def pull(
        self,
        reference: str,
        on_progress: Callable[[PullProgress], None],
        *,
        mirror: str = "",
    ) -> None:
        """Fetch an image from its image registry, or from a mirror. Its local tag is the same.

        Raises:
            NotFoundError: the image registry has no such image.
            EngineError: the image registry failed, or was silent for too long.
        """
        source = name_on_mirror(reference, mirror)
        repository, tag = split_reference(source)
        is_new_tag = source != reference and self.find(source) is None
        tally = Tally()
        events = watch(
            lambda: self._api.pull(repository, tag=tag, stream=True, decode=True),
            self._pull_silence,
        )
        for event in events:
            on_progress(tally.add(event))
        if source != reference:
            self.tag(source, reference)
        if is_new_tag:
            self.untag(source)

    def build(self, spec: BuildSpec, on_line: Callable[[str], None]) -> None:
        """Build an image. ``on_line`` gets each line of output of the engine and the steps.

        Raises:
            EngineError: a step failed. The error has the last lines of its output.
        """
        last: deque[str] = deque(maxlen=LAST_LINES)
        try:
            for event in watch(lambda: self._api.build(**_build_arguments(spec)), BUILD_SILENCE_S):
                for line in _read_lines(event):
                    last.append(line)
                    on_line(line)
        except EngineError as error:
            lines = "\n".join([*last, error.message])
            raise EngineError(f"cannot build {spec.tag}: {lines}", error.hint) from error

    def import_archive(self, archive: Path, reference: str, labels: Mapping[str, str]) -> None:
        """Make an image of a tar file that holds a whole system.

        Raises:
            EngineError: the file is no such tar file. Then no image is made.
        """
        before = self.find(reference)
        repository, tag = split_reference(reference)
        changes = [f'LABEL "{name}"="{value}"' for name, value in labels.items()]

        def events() -> Iterator[Any]:
            answer = self._api.import_image(
                src=str(archive), repository=repository, tag=tag, changes=changes
            )
            return map(json.loads, str(answer).splitlines())

        try:
            for _ in watch(events, BUILD_SILENCE_S):
                pass
        except EngineError:
            made = self.find(reference)
            # An engine with its images in containerd also keeps an image that it cannot unpack.
            if made and made != before:
                self.untag(reference)
            raise

    def save(self, references: Sequence[str]) -> Generator[bytes, None, None]:
        """Read the archive of several images, piece by piece. A shared layer is in it once.

        A caller that stops early must close the generator, or the engine would go on sending.
        """
        with docker_errors():
            answer = self._api.get(
                self._url("images/get"),
                params={"names": list(references)},
                stream=True,
                timeout=BUILD_SILENCE_S,
            )
            with answer:
                if not answer.ok:
                    raise EngineError(f"cannot save {', '.join(references)}: {answer.text.strip()}")
                yield from answer.iter_content(PIECE)

    def load(self, archive: Iterable[bytes]) -> None:
        """Load the images of an archive into the engine. A slow link may take its time."""
        feed = Feed(archive)

        def events() -> Iterator[Any]:
            answer = self._api.post(
                self._url("images/load"), data=iter(feed), stream=True, timeout=BUILD_SILENCE_S
            )
            with answer:
                if not answer.ok:
                    raise EngineError(f"cannot load the images: {answer.text.strip()}")
                yield from map(json.loads, filter(None, answer.iter_lines()))

        try:
            for _ in watch(events, BUILD_SILENCE_S, feed.has_moved):
                pass
        finally:
            feed.end()

    def tag(self, source: str, reference: str) -> None:
        """Give a local image another name as well."""
        repository, tag = split_reference(reference)
        with docker_errors():
            self._api.tag(source, repository, tag)

    def untag(self, reference: str) -> None:
        """Remove a name of an image. The image is removed with its last name."""
        with docker_errors():
            self._api.remove_image(reference, noprune=True)

    def _url(self, path: str) -> str:
        return f"{self._api.base_url}/v{self._api.api_version}/{path}"

    def _inspect(self, reference: str) -> dict[str, Any] | None:
        try:
            with docker_errors():
                inspected: dict[str, Any] = self._api.inspect_image(reference)
        except (ImageMissingError, NotFoundError):
            return None
        return inspected


def name_on_mirror(reference: str, mirror: str) -> str:
    """Name an image as the mirror has it.

    Raises:
        UsageError: the image is named by a digest. A pull from a mirror needs a tag.
    """
    if mirror and "@" in reference:
        raise UsageError(
            f"{reference} is named by digest and cannot be taken from a mirror",
            "Name it by a tag, or pull it without --mirror.",
        )
    return f"{mirror.rstrip('/')}/{reference}" if mirror else reference


def split_reference(reference: str) -> tuple[str, str]:
    """Split a reference into the repository and the tag or digest. The default is ``latest``."""
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(reference)
    return repository, tag or "latest"


def _build_arguments(spec: BuildSpec) -> dict[str, Any]:
    return {
        "fileobj": pack(spec.context),
        "custom_context": True,
        "tag": spec.tag,
        "buildargs": dict(spec.arguments),
        "labels": dict(spec.labels),
        "nocache": not spec.use_cache,
        "rm": True,
        "forcerm": True,
        "decode": True,
    }


def _read_lines(event: Mapping[str, Any]) -> Iterator[str]:
    """Read the lines of a build's event, without colours and the engine's own status lines."""
    for line in re.sub(r"\x1b\[[0-9;]*m", "", str(event.get("stream", ""))).splitlines():
        text = line.strip()
        if text and not text.startswith(STATUS_LINES):
            yield text


def pack(context: Mapping[str, bytes]) -> io.BytesIO:
    """Pack a build folder into a tar file. The same content gives the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(context):
            entry = tarfile.TarInfo(path)
            entry.size = len(context[path])
            entry.mode = 0o755 if path.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(context[path]))
    buffer.seek(0)
    return buffer
