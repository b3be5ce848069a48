"""The state in a word, and what is wrong: never a good word while something is wrong."""

from itertools import product

import pytest
from server.page.views import progress_of, view

from wb_cli.server.cache import LinkState
from wb_cli.server.http.health import Health
from wb_cli.server.warmup.progress import Progress

GOOD = {Health.READY, Health.WARM}


@pytest.mark.parametrize(("status", "l2"), list(product(Health, LinkState)))
def test_a_good_word_never_stands_over_a_notice(status, l2):
    shown = view(status=status, l2=l2, database="gone")

    assert not (shown.notice and shown.pill in GOOD)


@pytest.mark.parametrize(
    ("changes", "pill"),
    [
        ({"status": Health.WARM}, "warm"),
        ({"status": Health.WARM, "l2": LinkState.CONNECTING}, "warm"),
        ({"status": Health.WARM, "l2": LinkState.LOST}, "degraded"),
        ({"status": Health.WARM, "l2": LinkState.LOADING}, "degraded"),
        ({"status": Health.WAITING, "progress": progress_of()}, "degraded"),
        ({"status": Health.WAITING, "progress": Progress()}, "waiting"),
    ],
)
def test_the_state_in_a_word(changes, pill):
    assert view(**changes).pill == pill


def test_a_notice_says_what_it_means_for_users():
    shown = view(status=Health.WAITING, database="is it running?", l2=LinkState.LOST)

    assert shown.notice == (
        "No database: is it running? Until it is back, requests for data are answered with 503. "
        "Valkey is lost: the cache is in memory only."
    )
    assert view(status=Health.WAITING, database="gone").notice.startswith("No database: gone. ")
    assert view().notice == ""


def test_a_worker_that_does_not_answer_is_named_and_not_counted_as_nothing():
    assert "1 of 2 workers answer" in view(workers=(2, 1, 2)).notice
    assert view(workers=(2, 2, 2)).notice == ""
