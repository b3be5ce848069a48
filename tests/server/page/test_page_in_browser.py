"""The status page in a real Chromium: it keeps itself current, and every screen can show it."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.platform_data import locked_results
from support.services import wait_until

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.services,
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = {"width": 360, "height": 740}
WIDTHS = (360, 800, 1280)
AUDIT = Path(__file__).with_name("audit.js").read_text()
NOWHERE = {"PG_HOST": "127.0.0.1", "PG_PORT": "1", "VALKEY_URL": "redis://127.0.0.1:1"}
ITEMS = "/api/projects/north/objects/by-area/items"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """The complaints in the browser's console."""
    return []


@pytest.fixture
def tab(browser, complaints) -> Iterator:
    page = browser.new_page(viewport=PHONE)
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()


@pytest.fixture
def audit(tab, complaints):
    """Look at a server's page at every width, in light and dark, with the numbers open."""

    def audit(server) -> list[str]:
        found = []
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                tab.set_viewport_size({"width": width, "height": 740})
                tab.goto(url_of(server))
                if tab.locator("summary").count():
                    tab.locator("summary").click()
                    tab.locator(".hit").last.hover()
                found += [f"{scheme} {width}: {line}" for line in tab.evaluate(AUDIT)]
        return found + complaints

    return audit


def url_of(server) -> str:
    return f"http://127.0.0.1:{server.port}/"


def pill(tab) -> str:
    return tab.locator(".pill").inner_text()


def color_of_pill(tab) -> tuple[int, int, int]:
    color = tab.locator(".pill").evaluate("pill => getComputedStyle(pill).backgroundColor")
    red, green, blue = (int(part) for part in color.removeprefix("rgb(").rstrip(")").split(","))
    return red, green, blue


def test_the_page_follows_the_warm_up_without_being_loaded_again(demo, tab, complaints):
    with locked_results(demo.postgres_url) as release:
        server = demo.start()
        server.wait_status("ready")
        tab.goto(url_of(server))
        tab.evaluate("window.isTheSamePage = true")
        assert tab.locator("main").get_attribute("data-status") == "ready"
        assert tab.locator("h1").inner_text() == "Demo"
        release()

    tab.locator("main[data-status=warm]").wait_for(timeout=15_000)

    bar = tab.locator("progress")
    assert bar.evaluate("bar => bar.value === bar.max")
    assert tab.evaluate("window.isTheSamePage") is True
    assert complaints == []


def test_a_phone_shows_the_page_without_scrolling_sideways(demo, tab, complaints):
    server = demo.start_warm()
    for _ in range(3):
        server.json(ITEMS)

    tab.goto(url_of(server))

    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert tab.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 16
    picture = tab.locator("svg.bars")
    assert picture.bounding_box()["width"] > PHONE["width"] * 0.7
    assert "came from memory" in picture.get_attribute("aria-label")
    assert tab.locator("svg .l1").count() >= 1
    assert tab.locator(".cards-on-phone tbody tr").count() == 2
    assert complaints == []


def test_a_phone_shows_a_project_as_a_card_with_all_its_numbers(demo, tab):
    server = demo.start_warm()

    tab.goto(url_of(server))

    card = tab.get_by_role("row").filter(has_text="North")
    assert card.inner_text().split() == ["North", "0", "8", "0", "8", "4", "1"]
    labels = "cells => cells.map(cell => getComputedStyle(cell, '::before').content)"
    assert card.get_by_role("cell").evaluate_all(labels) == [
        f'"{name}"' for name in ("Failed", "Entries", "Valkey", "Database", "Objects", "Skipped")
    ]
    heights = [cell.bounding_box()["y"] for cell in card.get_by_role("cell").all()]
    assert len(set(heights)) == 2  # two lines of three numbers
    tab.set_viewport_size({"width": 1280, "height": 740})
    assert card.get_by_role("cell").evaluate_all(labels) == ["none"] * 6


def test_the_page_says_that_the_server_went_away(demo, tab):
    server = demo.start_warm()
    tab.goto(url_of(server))

    server.stop()

    tab.get_by_text("Not current: the server does not answer").wait_for(timeout=15_000)
    assert pill(tab) == "not current"
    assert tab.locator(".pill.degraded").count() == 1


def test_what_a_reader_opened_and_focused_stays_so_while_the_page_goes_on(demo, tab, complaints):
    server = demo.start_warm()
    server.json(ITEMS)
    tab.goto(url_of(server))
    tab.locator("summary").click()
    tab.locator("#bar-0").focus()
    shown = tab.locator("time").get_attribute("datetime")
    before = tab.locator("#numbers tbody").inner_text()

    for _ in range(3):
        server.json(ITEMS)
    wait_until(lambda: tab.locator("time").get_attribute("datetime") > shown, "a later time", 15)
    wait_until(lambda: tab.locator("#numbers tbody").inner_text() != before, "new numbers", 15)

    assert tab.locator("details").get_attribute("open") is not None
    assert tab.evaluate("document.activeElement.id") == "bar-0"
    assert complaints == []


def test_the_time_is_that_of_the_readers_own_clock(demo, browser):
    server = demo.start_warm()
    page = browser.new_page(timezone_id="Asia/Kathmandu")

    page.goto(url_of(server))

    time = page.locator("time")
    hour, minute = (int(part) for part in time.get_attribute("datetime")[11:16].split(":"))
    there = (hour * 60 + minute + 345) % 1440
    assert time.inner_text().startswith(f"{there // 60:02d}:{there % 60:02d}:")
    page.close()


def test_the_hour_after_midnight_has_two_digits(demo, browser):
    server = demo.start_warm()
    hour = datetime.now(UTC).hour
    # The signs of these zones are those of POSIX: GMT+3 is three hours behind.
    zone = f"Etc/GMT+{hour}" if hour <= 12 else f"Etc/GMT-{24 - hour}"
    page = browser.new_page(timezone_id=zone)

    page.goto(url_of(server))

    assert re.match(r"(00|01):\d\d:\d\d ", page.locator("time").inner_text())
    page.close()


def test_a_bar_shows_its_numbers_when_it_is_pointed_at_tapped_or_focused(demo, browser, tab):
    server = demo.start_warm()
    server.json(ITEMS)
    tab.goto(url_of(server))
    tip = tab.locator("#bar-0 .tip")
    assert not tip.is_visible()

    tab.locator("#bar-0 .hit").hover()
    assert tip.is_visible()
    tab.mouse.move(0, 0)
    assert not tip.is_visible()
    tab.locator("#bar-0").focus()
    assert tip.is_visible()
    assert "the last 10 s" in tip.text_content()

    phone = browser.new_page(viewport=PHONE, has_touch=True, java_script_enabled=False)
    phone.goto(url_of(server))
    phone.locator("#bar-0 .hit").tap()
    assert phone.locator("#bar-0 .tip").is_visible()
    phone.close()


def test_a_warm_page_can_be_read_on_every_screen(demo, tab, audit):
    server = demo.start_warm()
    server.json(ITEMS)
    wait_until(lambda: "keys</strong>" in server.http.get("/").text, "Valkey's numbers", 30)

    assert audit(server) == []

    assert pill(tab) == "warm"
    red, green, blue = color_of_pill(tab)
    assert green > red
    assert green > blue
    assert tab.locator("table").last.is_visible()


def test_a_page_that_warms_up_can_be_read_on_every_screen(demo, tab, audit):
    with locked_results(demo.postgres_url):
        server = demo.start()
        server.wait_status("ready")

        assert audit(server) == []

        assert pill(tab) == "ready"
        assert tab.locator("progress").evaluate("bar => bar.value < bar.max")


def test_a_page_without_valkey_is_amber_and_can_be_read_on_every_screen(
    demo, mortal_valkey, tab, audit
):
    server = demo.start_warm(VALKEY_URL=mortal_valkey.url)
    mortal_valkey.container.stop(timeout=10)
    wait_until(lambda: server.health()["l2"]["state"] == "lost", "lost", 15)

    assert audit(server) == []

    assert pill(tab) == "degraded"
    assert_amber(color_of_pill(tab))
    assert "Valkey is lost" in tab.locator(".notice").inner_text()


def test_a_page_whose_database_went_away_is_amber_and_has_no_green_bar(
    demo, mortal_postgres, tab, audit
):
    server = demo.start_warm()
    tab.goto(url_of(server))
    assert tab.locator("progress").count() == 1
    mortal_postgres.container.stop(timeout=10)
    server.wait_status("waiting")

    assert audit(server) == []

    assert pill(tab) == "degraded"
    assert_amber(color_of_pill(tab))
    assert tab.locator("progress").count() == 0
    assert "No database" in tab.locator(".notice").inner_text()
    assert tab.locator(".card").nth(2).locator("strong").inner_text() == "away"


def test_a_page_without_anything_can_be_read_on_every_screen(start_server, tab, audit):
    server = start_server(**NOWHERE)
    server.wait_for_line("[Valkey] Could not connect (")

    assert audit(server) == []

    assert pill(tab) == "waiting"
    assert_amber(color_of_pill(tab))
    assert tab.get_by_text("No answers yet.").is_visible()
    assert tab.get_by_text("Not known yet.").is_visible()


def test_a_page_of_an_empty_instance_can_be_read_on_every_screen(
    services, start_platform, tab, audit
):
    empty = services.new_postgres()
    server = start_platform(PG_PORT=str(empty.port))
    server.wait_status("warm")

    assert audit(server) == []

    assert tab.get_by_text("No projects yet").is_visible()
    assert tab.get_by_text("No answers yet.").is_visible()
    assert tab.locator("progress, svg, table").count() == 0
    services.remove(empty)


def test_what_is_wrong_with_a_page_would_be_found(start_server, tab):
    server = start_server(**NOWHERE)
    tab.goto(url_of(server))
    for spoil, said in (
        ("main.style.width = '900px'", "scrolls sideways"),
        ("main.style.color = '#ccc'", "has a contrast of"),
        ("document.querySelector('h1').remove()", "not one h1"),
        ("document.querySelector('.pill').textContent = 'warm'", "all is well, and is not"),
        ("document.querySelector('footer a').textContent = ''", "has no name"),
    ):
        tab.goto(url_of(server))
        tab.evaluate(f"{{ const main = document.querySelector('main'); {spoil}; }}")
        assert said in " ".join(tab.evaluate(AUDIT)), said


def assert_amber(color: tuple[int, int, int]) -> None:
    """Between red and green: much red, less green, little blue."""
    red, green, blue = color
    assert red > green > blue
    assert red > 1.2 * green
