"""The status page in a real Chromium: it keeps itself current, and a phone can show it."""

import shutil
from collections.abc import Iterator

import pytest
from support.platform_data import locked_results

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.services,
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


def test_the_page_follows_the_warm_up_without_being_loaded_again(demo, tab, complaints):
    with locked_results(demo.postgres_url) as release:
        server = demo.start()
        server.wait_status("ready")
        tab.goto(f"http://127.0.0.1:{server.port}/")
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
        server.json("/api/projects/north/objects/by-area/items")

    tab.goto(f"http://127.0.0.1:{server.port}/")

    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert tab.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 16
    picture = tab.locator("svg[role=img]")
    assert picture.bounding_box()["width"] > PHONE["width"] * 0.8
    assert "came from memory" in picture.get_attribute("aria-label")
    assert tab.locator("svg rect").count() >= 1
    assert tab.locator("table tbody tr").count() == 2
    assert complaints == []


def test_the_page_says_that_the_server_went_away(demo, tab):
    server = demo.start_warm()
    tab.goto(f"http://127.0.0.1:{server.port}/")

    server.stop()

    tab.get_by_text("Not current: the server does not answer").wait_for(timeout=15_000)
