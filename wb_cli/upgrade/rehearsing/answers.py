"""The answers of the version from before, kept until the newer one has answered.

Their texts lie compressed in a file without a name, so nothing is left of them whatever ends wb.
"""

from __future__ import annotations

import base64
import json
import tempfile
import zlib
from typing import Any

import msgspec
from msgspec import Struct

from wb_cli.errors import WbError

OK, ERROR = 200, 500
# A text with more bytes is only known by its digest. So is one that the file has no more room for.
LARGEST, MOST_KEPT = 16 * 1024**2, 1024**3


class Answer(Struct, frozen=True):
    """An answer of a platform to one question.

    ``status`` is that of HTTP; 0 where nothing came. ``version`` is that of the data, ``digest``
    that of the normalised text; ``body`` is the text, compressed and in base64, or "" where it was
    left out.
    """

    path: str
    name: str
    status: int
    version: str = ""
    digest: str = ""
    body: str = ""

    @property
    def is_result(self) -> bool:
        """Whether there is a result."""
        return self.status == OK

    @property
    def is_missing(self) -> bool:
        """Whether the platform failed to answer, so that nothing is known."""
        return not self.status or self.status >= ERROR

    def describe(self) -> str:
        """Say what came."""
        return f"HTTP {self.status}" if self.status else "no answer"


def parse_answer(line: str) -> Answer:
    """Read an answer. Raises ``ValueError`` if the line is none."""
    return msgspec.json.decode(line, type=Answer)


class Text(Struct, frozen=True):
    """Where a kept text lies in the file, in bytes."""

    start: int
    length: int


class Kept:
    """The answers by their path. The caller closes it."""

    def __init__(self, most_bytes: int = MOST_KEPT) -> None:
        self.answers: dict[str, Answer] = {}
        self._texts: dict[str, Text] = {}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (see close)
        self._end, self._most_bytes = 0, most_bytes

    def close(self) -> None:
        """Give the file up."""
        self._file.close()

    def add(self, answer: Answer) -> None:
        """Keep an answer.

        Raises:
            WbError: the disk has no room.
        """
        self.answers[answer.path] = msgspec.structs.replace(answer, body="")
        text = base64.b64decode(answer.body)
        if not text or self._end + len(text) > self._most_bytes:
            return
        try:
            self._file.seek(self._end)
            self._file.write(text)
        except OSError as error:
            raise WbError(
                f"the answers have no room in {tempfile.gettempdir()}: {error.strerror}",
                "Make room there, or name another folder in TMPDIR.",
            ) from error
        self._texts[answer.path] = Text(self._end, len(text))
        self._end += len(text)

    def read(self, path: str) -> Any:
        """Read the document that came from a path.

        Raises:
            KeyError: it was not kept.
        """
        text = self._texts[path]
        self._file.seek(text.start)
        return expand(self._file.read(text.length))


def expand(compressed: bytes) -> Any:
    """Decompress a document, within bounds. What is no JSON is given as text.

    Raises:
        KeyError: it is too large.
    """
    decompressor = zlib.decompressobj()
    text = decompressor.decompress(compressed, LARGEST)
    if not decompressor.eof:
        raise KeyError
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.decode(errors="replace")


def read_body(answer: Answer) -> Any:
    """Read the document of an answer. Raises ``KeyError`` if it has none, or it is too large."""
    if not answer.body:
        raise KeyError(answer.path)
    return expand(base64.b64decode(answer.body))
