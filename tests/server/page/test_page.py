"""The status page: what it shows."""

from html import escape

import pytest

from wb_cli.server.cache import LinkState
from wb_cli.server.http.health import Health
from wb_cli.server.page.page import PageView, duration, page, size
from wb_cli.server.warmup.progress import DATASETS, Phase, Progress, Tally
from wb_cli.server.watch.history import Origins


def view(**changes) -> PageView:
    progress = Progress()
    progress.tallies["p"] = Tally("North", objects=10, entries=30, from_l2=20, from_database=5)
    progress.enter(Phase.DATABASE)
    given = {
        "id": "demo",
        "label": "Demo",
        "version": "1.7.0",
        "wb": "0.1.0",
        "status": Health.READY,
        "uptime_s": 65,
        "database": "connected",
        "l2": LinkState.READY,
        "l1_entries": 25,
        "l1_bytes": 3 * 1024 * 1024,
        "l1_max_bytes": 512 * 1024 * 1024,
        "saved_s": 90,
        "progress": progress,
        "intervals": [Origins(l1=3, database=1)],
    }
    return PageView(**{**given, **changes})


def test_the_page_shows_the_instance_its_tiers_and_the_warm_up():
    text = page(view())

    assert "<h1>Demo</h1>" in text
    assert '<progress max="30" value="25"' in text
    assert "25 of 30 entries: 20 from Valkey, 5 from the database, 0 failed" in text
    assert "3.0 MiB of 512.0 MiB" in text
    assert "75% came from memory" in text


def test_labels_of_operators_cannot_become_markup():
    progress = Progress()
    progress.tallies["p"] = Tally("<script>alert(1)</script>")
    progress.enter(Phase.DONE)

    text = page(view(label="<b>x</b> $id", progress=progress))

    assert "<b>x" not in text
    assert "<script>alert" not in text
    assert "&lt;b&gt;x&lt;/b&gt; $id" in text


def test_a_missing_valkey_is_said_and_so_is_a_missing_database():
    assert "Valkey is lost: the cache is in memory only." in page(view(l2=LinkState.LOST))
    assert "No database: gone." in page(view(status=Health.WAITING, database="gone"))


def test_a_lost_valkey_is_not_shown_as_all_well():
    text = page(view(status=Health.WARM, l2=LinkState.LOST))

    assert '<span class="pill degraded">degraded</span>' in text
    assert "Demo · degraded" in text
    assert "keeps what was loaded" not in text
    assert "pill warm" in page(view(status=Health.WARM))
    assert "pill warm" in page(view(status=Health.WARM, l2=LinkState.CONNECTING))


def test_a_missing_database_is_away_and_its_reason_is_a_note():
    reason = 'cannot find the host "demo-postgres": is its container running?'

    text = page(view(status=Health.WAITING, database=reason))

    assert "<strong>away</strong>" in text
    assert f'<p class="soft">{escape(reason)}</p>' in text


def test_a_start_with_nothing_to_load_shows_no_full_bar():
    progress = Progress()
    progress.tallies[DATASETS] = Tally("Datasets")
    progress.enter(Phase.DONE)

    text = page(view(progress=progress, intervals=[Origins()]))

    assert "<progress" not in text
    assert "There was nothing to load when this server started." in text
    assert "There were none." in text
    assert "No answers yet." in text
    assert "<svg" not in text


def test_projects_that_are_not_known_yet_are_not_called_none():
    assert "Not known yet." in page(view(progress=Progress()))


def test_a_project_without_objects_is_listed():
    progress = Progress()
    progress.tallies["p"] = Tally("Empty")
    progress.enter(Phase.DONE)

    assert "<td>Empty</td>" in page(view(progress=progress))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59, "59.0 s"), (61, "1 min 1 s"), (3661, "1 h 1 min"), (90000, "1 d 1 h")],
)
def test_durations_are_shown_in_their_two_largest_units(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1024, "1.0 KiB"), (5 * 1024**2, "5.0 MiB"), (2**31, "2.0 GiB")]
)
def test_sizes_are_shown_in_the_unit_that_keeps_them_short(count, text):
    assert size(count) == text
