"""The lines of a container's output, from frames in pieces of any size."""

import struct

import pytest

from wb_cli.engine import log_lines
from wb_cli.engine.log_lines import LineReader, LogLine, LogStream, count_nanoseconds

OUT, ERR = LogStream.STDOUT, LogStream.STDERR
FIRST, SECOND = "2026-01-01T00:00:00.000000001Z", "2026-01-01T00:00:00.000000002Z"


def frame(stream: LogStream, moment: str, text: bytes) -> bytes:
    payload = moment.encode() + b" " + text
    return struct.pack(">BxxxL", 1 if stream is OUT else 2, len(payload)) + payload


def read(*pieces: bytes) -> list[LogLine]:
    reader = LineReader()
    return [*(line for piece in pieces for line in reader.read(piece)), *reader.read_end()]


BOTH = frame(OUT, FIRST, b"one two\n") + frame(ERR, SECOND, b"\n")
LINES = [LogLine(FIRST, OUT, b"one two\n"), LogLine(SECOND, ERR, b"\n")]


@pytest.mark.parametrize("size", [1, 7, 20, 50, 1000])
def test_no_byte_is_lost_in_pieces_of_any_size(size: int) -> None:
    assert read(*(BOTH[i : i + size] for i in range(0, len(BOTH), size))) == LINES


def test_a_line_in_several_frames_has_the_moment_once() -> None:
    cut = frame(OUT, FIRST, b"be") + frame(ERR, FIRST, b"x\n") + frame(OUT, SECOND, b"gun\n")
    assert read(cut) == [LogLine(FIRST, ERR, b"x\n"), LogLine(SECOND, OUT, b"begun\n")]


def test_a_last_line_needs_no_end() -> None:
    assert read(frame(OUT, FIRST, b"prompt> ")) == [LogLine(FIRST, OUT, b"prompt> ")]


def test_a_line_without_an_end_is_passed_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "LONGEST_LINE", 5)
    reader = LineReader()
    frames = frame(OUT, FIRST, b"abc") * 3
    assert list(reader.read(frames)) == [LogLine(FIRST, OUT, b"abcabc")]
    assert list(reader.read_end()) == [LogLine(FIRST, OUT, b"abc")]


@pytest.mark.parametrize(
    ("moment", "nanoseconds"),
    [
        ("1970-01-01T00:00:01.000000002Z", 1_000_000_002),
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
    ],
)
def test_a_moment_is_counted_to_the_nanosecond(moment: str, nanoseconds: int) -> None:
    assert count_nanoseconds(moment) == nanoseconds
