"""How much Valkey holds: what is told, and what is not known."""

from typing import Any

from wb_cli.server.cache import L2Error, Usage
from wb_cli.server.watch.stored import Stored


class Link:
    """A link to Valkey that answers, or fails."""

    is_ready = True

    def __init__(self, *answers: Usage | Exception) -> None:
        self._answers = iter(answers)

    async def usage(self) -> Usage:
        """The next answer."""
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def looked(link: Any, times: int = 1) -> Stored:
    stored = Stored(link)
    for _ in range(times):
        await stored.look()
    return stored


async def test_the_last_answer_is_kept():
    assert (await looked(Link(Usage(1, 2, 3), Usage(4, 5, 6)), 2)).usage == Usage(4, 5, 6)


async def test_an_answer_that_fails_leaves_nothing_known():
    assert (await looked(Link(Usage(1, 2, 3), L2Error("refused")), 2)).usage is None


async def test_a_valkey_that_is_not_ready_is_not_asked():
    link = Link()
    link.is_ready = False

    assert (await looked(link)).usage is None
