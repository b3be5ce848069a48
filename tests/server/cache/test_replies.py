"""The parts in which replies arrive change nothing; what is no reply ends the connection."""

import asyncio
import gc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wb_cli.server.cache.errors import L2Error, LoadingError, LostError, RefusedError
from wb_cli.server.cache.replies import READ_BYTES, Replies, error_of

LARGE = bytes(range(256)) * 3 * (READ_BYTES // 256)
REPLIES: list[tuple[bytes, object]] = [
    (b"+PONG\r\n", b"PONG"),
    (b":-12\r\n", -12),
    (b"$-1\r\n", None),
    (b"$0\r\n\r\n", b""),
    (b"$9\r\na\r\n$3\r\n\0\xff\r\n", b"a\r\n$3\r\n\0\xff"),
    (b"*0\r\n", []),
    (b"*3\r\n$2\r\nab\r\n$-1\r\n$0\r\n\r\n", [b"ab", None, b""]),
    (b"-WRONGTYPE no string\r\n", RefusedError("WRONGTYPE no string")),
    (b"-LOADING the dataset\r\n", LoadingError("LOADING the dataset")),
    (b"*2\r\n-OOM full\r\n*1\r\n:7\r\n", [RefusedError("OOM full"), [7]]),
]
STREAM = b"".join(raw for raw, _ in REPLIES)


def plain(reply: object) -> object:
    """The reply in a form that can be compared."""
    if isinstance(reply, list):
        return [plain(item) for item in reply]
    return (type(reply), str(reply)) if isinstance(reply, L2Error) else reply


class Transport(asyncio.Transport):
    """Notes what is done to a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.is_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def abort(self) -> None:
        self.is_aborted = True


def connected() -> tuple[Replies, Transport]:
    replies, transport = Replies(), Transport()
    replies.connection_made(transport)
    return replies, transport


def receive(replies: Replies, parts: Iterable[bytes]) -> None:
    """Let the parts arrive, each as the socket would bring it."""
    for part in parts:
        for start in range(0, len(part), READ_BYTES):
            piece = part[start : start + READ_BYTES]
            replies.get_buffer(-1)[: len(piece)] = piece
            replies.buffer_updated(len(piece))


async def answer(parts: Iterable[bytes], count: int) -> list[object]:
    """What a question for so many replies gets from these parts."""
    replies, _ = connected()
    asked = asyncio.create_task(replies.ask(b"?", count))
    await asyncio.sleep(0)
    receive(replies, parts)
    return [plain(reply) for reply in await asked]


def cut(stream: bytes, places: Iterable[int]) -> Iterator[bytes]:
    """The stream in parts, cut at these places."""
    start = 0
    for place in [*sorted(places), len(stream)]:
        if place > start:
            yield stream[start:place]
            start = place


WHOLE = [plain(reply) for _, reply in REPLIES]


async def test_a_stream_that_is_cut_anywhere_is_the_same_replies() -> None:
    for place in range(len(STREAM)):
        assert await answer(cut(STREAM, [place]), len(REPLIES)) == WHOLE
    assert await answer(cut(STREAM, range(len(STREAM))), len(REPLIES)) == WHOLE


@given(st.lists(st.integers(0, len(STREAM) - 1), max_size=20))
def test_a_stream_in_any_parts_is_the_same_replies(places: list[int]) -> None:
    assert asyncio.run(answer(cut(STREAM, places), len(REPLIES))) == WHOLE


@given(st.lists(st.sampled_from(REPLIES), min_size=1, max_size=6), st.integers(1, 30))
def test_any_replies_in_parts_of_any_size_are_the_same(
    some: list[tuple[bytes, object]], size: int
) -> None:
    stream = b"".join(raw for raw, _ in some)
    parts = list(cut(stream, range(0, len(stream), size)))
    assert asyncio.run(answer(parts, len(some))) == [plain(reply) for _, reply in some]


@pytest.mark.parametrize("place", [1, 5, 12, READ_BYTES, READ_BYTES + 1, len(LARGE) + 9])
async def test_a_reply_that_is_larger_than_the_buffer_is_whole(place: int) -> None:
    stream = b"$%d\r\n%b\r\n" % (len(LARGE), LARGE)
    assert await answer(cut(stream, [place]), 1) == [LARGE]


async def test_a_connection_answers_one_question_after_another() -> None:
    replies, transport = connected()
    for number in range(3):
        asked = asyncio.create_task(replies.ask(b"%d?" % number, 1))
        await asyncio.sleep(0)
        receive(replies, [b":%d\r\n" % number])
        assert await asked == [number]
    assert (transport.sent, transport.is_aborted) == (b"0?1?2?", False)


async def test_what_was_answered_is_not_kept_until_the_next_question() -> None:
    replies, _ = connected()
    asked = asyncio.create_task(replies.ask(b"?", 1))
    await asyncio.sleep(0)
    receive(replies, [b":1\r\n"])
    answered = await asked
    del asked
    assert not [it for it in gc.get_referrers(answered) if isinstance(it, asyncio.Future)]
    assert replies.is_open


async def test_a_connection_that_ends_anywhere_in_a_reply_is_lost() -> None:
    for place in range(len(STREAM)):
        replies, _ = connected()
        asked = asyncio.create_task(replies.ask(b"?", len(REPLIES)))
        await asyncio.sleep(0)
        receive(replies, cut(STREAM[:place], []))
        replies.connection_lost(None)
        with pytest.raises(LostError, match="Valkey closed the connection"):
            await asked
        assert not replies.is_open


async def test_after_a_loss_every_question_fails_with_its_reason() -> None:
    replies, transport = connected()
    replies.connection_lost(ConnectionResetError("reset by peer"))
    with pytest.raises(LostError, match="reset by peer"):
        await replies.ask(b"?", 1)
    assert transport.sent == b""


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b":1\r\n:2\r\n", "nobody had asked for"),
        (b":1\r\n-ERR max number of clients reached\r\n", "max number of clients"),
        (b"HTTP/1.1 400 Bad Request\r\n", "Protocol error"),
        (b"$x\r\n", "Bad bulk string length"),
    ],
)
async def test_what_is_no_answer_ends_the_connection(raw: bytes, why: str) -> None:
    replies, transport = connected()
    asked = asyncio.create_task(replies.ask(b"?", 1))
    await asyncio.sleep(0)
    receive(replies, [raw])
    with pytest.raises(LostError, match=why):
        await asked
    assert transport.is_aborted
    receive(replies, [b":3\r\n"])  # what comes after that is of no interest


async def test_what_comes_unasked_is_not_the_next_answer() -> None:
    replies, transport = connected()
    receive(replies, [b"-ERR max number of clients reached\r\n"])
    with pytest.raises(LostError, match="max number of clients"):
        await replies.ask(b"?", 1)
    assert transport.is_aborted


async def test_the_rest_of_an_answer_whose_caller_has_gone_reaches_nobody() -> None:
    replies, transport = connected()
    asked = asyncio.create_task(replies.ask(b"?", 1))
    await asyncio.sleep(0)
    receive(replies, [b"$4\r\nol"])
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    replies.close()
    receive(replies, [b"d!\r\n"])
    with pytest.raises(LostError, match="was closed"):
        await replies.ask(b"?", 1)
    assert transport.is_aborted


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("LOADING Valkey is loading the dataset in memory", LoadingError),
        ("NOAUTH Authentication required.", LostError),
        ("WRONGPASS invalid username-password pair", LostError),
        ("ERR max number of clients reached", LostError),
        ("OOM command not allowed", RefusedError),
        ("ERR unknown command", RefusedError),
    ],
)
def test_an_error_says_what_kind_of_failure_it_is(line: str, kind: type[L2Error]) -> None:
    assert type(error_of(line)) is kind
    assert str(error_of(line)) == line
