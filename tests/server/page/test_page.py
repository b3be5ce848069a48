"""The status page: what it shows."""

from html import escape

from server.page.views import progress_of, view

from wb_cli.server.cache import LinkState, Usage
from wb_cli.server.http.health import Health
from wb_cli.server.page.page import page
from wb_cli.server.warmup.progress import DATASETS, Phase, Progress, Tally
from wb_cli.server.watch.history import Origins


def test_the_page_shows_the_instance_its_tiers_and_the_warm_up():
    text = page(view())

    assert "<h1>Demo</h1>" in text
    assert '<progress max="30" value="25"' in text
    assert "25 of 30 entries: 20 from Valkey, 5 from the database, 0 failed" in text
    assert "3.0 MiB of 512.0 MiB" in text
    assert "75% came from memory" in text


def test_the_page_says_as_of_when_it_is():
    assert '<time datetime="2026-03-04T19:29:30Z">19:29:30 UTC</time>' in page(view())


def test_the_cards_have_numbers_and_say_since_when():
    text = page(view())

    for words in (
        "<strong>25 entries</strong>",
        "gave 60% of all answers since this server started",
        "<strong>20 keys</strong>",
        "2.0 MiB of 256.0 MiB",
        "gave 83% of what memory lacked since this server started",
        "3 connections for queries",
        "10 loads since this server started",
        "<strong>1 min 30 s</strong>",
    ):
        assert words in text, words


def test_what_the_warm_up_got_from_valkey_counts_for_valkey():
    restarted = progress_of(Tally("North", entries=30, from_l2=30))

    text = page(view(progress=restarted, answers=Origins(l1=100)))

    assert "gave 100% of what memory lacked since this server started" in text


def test_numbers_of_valkey_that_are_not_known_are_not_shown_as_none():
    text = page(view(l2_usage=None))

    assert "Its numbers are not known yet." in text
    assert "0 keys" not in text
    assert "1.0 MiB, without a bound" in page(view(l2_usage=Usage(1, 1024**2, 0)))


def test_labels_of_operators_cannot_become_markup():
    progress = progress_of(Tally("<script>alert(1)</script>"))

    text = page(view(label="<b>x</b> $id", progress=progress))

    assert "<b>x" not in text
    assert "<script>alert" not in text
    assert "&lt;b&gt;x&lt;/b&gt; $id" in text


def test_a_missing_valkey_is_said_and_so_is_a_missing_database():
    assert "Valkey is lost: the cache is in memory only." in page(view(l2=LinkState.LOST))
    assert "No database: gone." in page(view(status=Health.WAITING, database="gone"))


def test_a_lost_valkey_is_not_shown_as_all_well():
    text = page(view(status=Health.WARM, l2=LinkState.LOST, l2_reason="127.0.0.1:1 refuses"))

    assert '<span class="pill degraded">degraded</span>' in text
    assert "Demo · degraded" in text
    assert "<strong>lost</strong>" in text
    assert '<p class="soft">127.0.0.1:1 refuses</p>' in text
    assert "keys" not in text
    assert "pill warm" in page(view(status=Health.WARM))
    assert "pill warm" in page(view(status=Health.WARM, l2=LinkState.CONNECTING))


def test_a_missing_database_is_away_and_its_reason_is_a_note():
    reason = 'cannot find the host "demo-postgres": is its container running?'

    text = page(view(status=Health.WAITING, database=reason))

    assert '<span class="pill degraded">degraded</span>' in text
    assert "<strong>away</strong>" in text
    assert f'<p class="soft">{escape(reason)}</p>' in text


def test_a_missing_database_leaves_no_full_bar():
    done = progress_of(Tally("North", entries=30, from_l2=27, failed=3))

    text = page(view(status=Health.WAITING, database="gone", progress=done))

    assert "<progress" not in text
    assert "27 of 30 entries were loaded when the database went away." in text
    assert "<progress" in page(view(status=Health.WARM, progress=done))


def test_a_warm_up_that_failed_says_why():
    progress = Progress(problem="KeyError: <x>")

    assert '<p class="bad">It failed: KeyError: &lt;x&gt;</p>' in page(view(progress=progress))
    assert "It failed" not in page(view())


def test_a_start_with_nothing_to_load_shows_no_full_bar_and_no_empty_chart():
    progress = Progress()
    progress.tallies[DATASETS] = Tally("Datasets")
    progress.enter(Phase.DONE)

    text = page(view(progress=progress, answers=Origins(), intervals=[Origins()]))

    assert "<progress" not in text
    assert "There was nothing to load when this server started." in text
    assert '<p class="empty">No projects yet: there were none when this server started.' in text
    assert '<p class="empty chart">No answers yet.</p>' in text
    assert "<svg" not in text
    assert "<table" not in text


def test_a_quiet_half_hour_is_not_a_server_without_answers():
    text = page(view(answers=Origins(l1=5), intervals=[Origins()] * 181))

    assert '<p class="empty chart">No answers in the last 30 min.</p>' in text
    assert "No answers yet" not in text


def test_projects_that_are_not_known_yet_are_not_called_none():
    text = page(view(progress=Progress()))

    assert "Not known yet." in text
    assert "No projects" not in text


def test_a_project_without_objects_is_listed():
    assert ">Empty</th>" in page(view(progress=progress_of(Tally("Empty"))))


def test_failed_entries_come_first_by_row_and_by_column():
    progress = progress_of(Tally("Well", entries=9), Tally("Ill", entries=7, failed=2))

    text = page(view(progress=progress))

    assert text.index(">Ill</th>") < text.index(">Well</th>")
    assert text.index(">Failed</th>") < text.index(">Entries</th>")
    assert '<span class="bad">2 failed</span>, which the log names' in text


def test_a_skipped_object_is_explained():
    assert "Skipped: objects without results, because their module has not run" in page(view())


def test_the_page_leads_on_to_the_numbers_and_the_interface():
    text = page(view())

    for address in ("/health_check", "/metrics", "/openapi.json", "/api/projects"):
        assert f'href="{address}"' in text
    assert "Metrics</a> (needs the token)" in text
    assert "needs the token" not in page(view(has_token=False))
