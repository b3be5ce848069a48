"""Images on the engine: found, pulled, built, imported, tagged."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections import deque
from typing import TYPE_CHECKING, Any

from wb_cli.engine import read
from wb_cli.engine.client import docker_errors
from wb_cli.engine.pull_progress import PullProgress, Tally
from wb_cli.engine.stream import watched
from wb_cli.errors import EngineError, ImageMissingError, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import docker

    from wb_cli.engine.types import BuildSpec, ImageInfo

# Slow links still bring some bytes; a registry this silent is gone.
PULL_SILENCE_S = 120.0
# A step of a build may work for long without a word.
BUILD_SILENCE_S = 600.0
LAST_LINES = 8
PIECE = 1024 * 1024
BOOK_KEEPING = ("--->", "Removing intermediate container")


class Images:
    """See :class:`wb_cli.engine.base.ImageStore`.

    ``pull_silence`` is how many seconds a registry may say nothing before it is given up.
    """

    def __init__(
        self, client: docker.DockerClient, *, pull_silence: float = PULL_SILENCE_S
    ) -> None:
        self._api: Any = client.api  # the stubs lack half of what images need
        self._pull_silence = pull_silence

    def find(self, reference: str) -> ImageInfo | None:
        """The local image of that reference, or ``None``."""
        inspected = self._inspect(reference)
        return read.image(inspected) if inspected else None

    def labels(self, reference: str) -> Mapping[str, str]:
        """The labels of a local image; none where there is no such image."""
        inspected = self._inspect(reference)
        return (inspected["Config"].get("Labels") or {}) if inspected else {}

    def pull(
        self,
        reference: str,
        on_progress: Callable[[PullProgress], None],
        *,
        mirror: str = "",
    ) -> None:
        """Fetch an image from its registry, or from a mirror under its own local tag.

        Raises:
            NotFoundError: the registry knows no such image.
            EngineError: the registry failed, or said nothing for too long.
        """
        source = mirrored(reference, mirror)
        repository, tag = split(source)
        is_new_tag = source != reference and self.find(source) is None
        tally = Tally()
        events = watched(
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
        """Build an image; ``on_line`` gets what the engine and the steps say.

        Raises:
            EngineError: a step failed; with its own last lines.
        """
        last: deque[str] = deque(maxlen=LAST_LINES)
        try:
            for event in watched(
                lambda: self._api.build(**_build_arguments(spec)), BUILD_SILENCE_S
            ):
                for line in _lines(event):
                    last.append(line)
                    on_line(line)
        except EngineError as error:
            said = "\n".join([*last, error.message])
            raise EngineError(f"cannot build {spec.tag}: {said}", error.hint) from error

    def import_archive(self, archive: Path, reference: str, labels: Mapping[str, str]) -> None:
        """Make an image of a tar file that holds a whole system.

        Raises:
            EngineError: it is none; no image is made.
        """
        before = self.find(reference)
        repository, tag = split(reference)
        changes = [f'LABEL "{name}"="{value}"' for name, value in labels.items()]

        def events() -> Iterator[Any]:
            answer = self._api.import_image(
                src=str(archive), repository=repository, tag=tag, changes=changes
            )
            return map(json.loads, str(answer).splitlines())

        try:
            for _ in watched(events, BUILD_SILENCE_S):
                pass
        except EngineError:
            left = self.find(reference)
            # With its images in containerd, an engine keeps also what it could not unpack.
            if left and left != before:
                self.untag(reference)
            raise

    def save(self, references: Sequence[str]) -> Generator[bytes, None, None]:
        """The archive of several images, piece by piece, layers that they share once.

        Who does not read it to its end has to close it: the engine would go on sending.
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
        """Take in the images of an archive."""

        def events() -> Iterator[Any]:
            answer = self._api.post(
                self._url("images/load"), data=iter(archive), stream=True, timeout=BUILD_SILENCE_S
            )
            with answer:
                if not answer.ok:
                    raise EngineError(f"cannot load the images: {answer.text.strip()}")
                yield from map(json.loads, filter(None, answer.iter_lines()))

        for _ in watched(events, BUILD_SILENCE_S):
            pass

    def tag(self, source: str, reference: str) -> None:
        """Give a local image another name."""
        repository, tag = split(reference)
        with docker_errors():
            self._api.tag(source, repository, tag)

    def untag(self, reference: str) -> None:
        """Take a name away from an image; with its last name the image goes."""
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


def mirrored(reference: str, mirror: str) -> str:
    """Where a mirror has an image.

    Raises:
        UsageError: the image is named by its content, which no local tag can stand for.
    """
    if mirror and "@" in reference:
        raise UsageError(
            f"{reference} is named by digest and cannot be taken from a mirror",
            "Name it by a tag, or pull it without --mirror.",
        )
    return f"{mirror.rstrip('/')}/{reference}" if mirror else reference


def split(reference: str) -> tuple[str, str]:
    """Repository and tag (``latest`` where none is given) or digest."""
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


def _lines(event: Mapping[str, Any]) -> Iterator[str]:
    """What an event of a build says, without colours and the engine's own book-keeping."""
    for line in re.sub(r"\x1b\[[0-9;]*m", "", str(event.get("stream", ""))).splitlines():
        words = line.strip()
        if words and not words.startswith(BOOK_KEEPING):
            yield words


def pack(context: Mapping[str, bytes]) -> io.BytesIO:
    """A build folder as a tar file, the same bytes for the same content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(context):
            entry = tarfile.TarInfo(path)
            entry.size = len(context[path])
            entry.mode = 0o755 if path.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(context[path]))
    buffer.seek(0)
    return buffer
