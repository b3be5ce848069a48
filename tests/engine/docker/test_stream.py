"""Streams of events that end, break, report an error, or fall silent."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests

from wb_cli.engine.docker.stream import Feed, end_stream, watch
from wb_cli.errors import EngineError, EngineUnreachableError


def test_events_come_in_order() -> None:
    assert list(watch(lambda: [{"n": 1}, {"n": 2}], 5)) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    "event",
    [
        {"error": "manifest unknown\n"},
        {"errorDetail": {"message": "manifest unknown"}, "error": "manifest unknown"},
        {"errorDetail": {"code": 404, "message": "manifest unknown\n"}},
    ],
)
def test_an_error_in_the_stream_is_raised_in_the_engines_words(event: Mapping[str, Any]) -> None:
    with pytest.raises(EngineError, match=r"manifest unknown\Z"):
        list(watch(lambda: [{"status": "x"}, event], 5))


def test_an_error_while_reading_is_translated() -> None:
    def broken() -> Iterator[Mapping[str, Any]]:
        yield {"status": "x"}
        raise requests.exceptions.ConnectionError("reset by peer")

    with pytest.raises(EngineUnreachableError, match="reset by peer"):
        list(watch(broken, 5))


def test_a_silent_stream_is_an_error_even_if_its_reader_hangs() -> None:
    released = threading.Event()

    def silent() -> Iterator[Mapping[str, Any]]:
        yield {"status": "x"}
        released.wait(30)

    try:
        with pytest.raises(EngineError, match=r"no news for 0\.1 s"):
            list(watch(silent, 0.1))
    finally:
        released.set()


@pytest.mark.parametrize("found", [OSError(9, "Bad file descriptor"), AttributeError("_sock")])
def test_a_stream_can_be_ended_while_its_reader_ends_it(found: Exception) -> None:
    class Ending:
        """A stream of the SDK whose socket is closed while the SDK ends the stream."""

        closed = False

        def close(self) -> None:
            self.closed = True
            raise found

    stream: Any = Ending()
    end_stream(stream)
    assert stream.closed


def test_a_silent_stream_goes_on_while_something_moves() -> None:
    """An upload over a slow link lasts longer than the engine may be silent."""
    moves, released = iter([True, True, True, False]), threading.Event()

    def silent() -> Iterator[Mapping[str, Any]]:
        released.wait(30)
        yield {"status": "x"}

    try:
        with pytest.raises(EngineError, match="no news"):
            list(watch(silent, 0.01, lambda: next(moves)))
    finally:
        released.set()
    assert next(moves, None) is None


def test_a_feed_says_whether_pieces_have_moved_and_breaks_off_when_it_is_ended() -> None:
    feed = Feed([b"a", b"b", b"c"])
    sent = iter(feed)
    assert not feed.has_moved()
    assert next(sent) == b"a"
    assert feed.has_moved()
    assert not feed.has_moved()
    feed.end()
    with pytest.raises(EngineError, match="was ended"):
        next(sent)
