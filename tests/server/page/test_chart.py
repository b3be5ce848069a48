"""The picture of hit shares."""

import xml.etree.ElementTree as ET

import pytest

from wb_cli.server.page.chart import HEIGHT, LEAST_BARS, hit_shares, minutes_shown
from wb_cli.server.watch.history import EVERY_S, KEPT, Origins


def bars(svg: str) -> list[dict[str, str]]:
    return [dict(rect.attrib) for rect in ET.fromstring(svg).iter("rect")]


def test_a_bar_is_split_by_origin_and_fills_the_plot():
    drawn = bars(hit_shares([Origins(l1=2, l2=1, database=1)]))

    heights = {bar["class"]: float(bar["height"]) for bar in drawn}
    assert heights["l1"] == pytest.approx(HEIGHT / 2, abs=0.1)
    assert sum(heights.values()) == pytest.approx(HEIGHT, abs=0.2)


def test_the_newest_interval_is_the_rightmost_and_inside_the_picture():
    drawn = bars(hit_shares([Origins(l1=1)] * (KEPT + 1)))

    places = [float(bar["x"]) for bar in drawn]
    assert places == sorted(places)
    assert places[-1] + float(drawn[-1]["width"]) <= KEPT + 1


def test_a_young_server_shows_fewer_minutes_so_that_there_is_something_to_see():
    assert minutes_shown([Origins(l1=1)]) == LEAST_BARS * EVERY_S / 60
    assert minutes_shown([Origins(l1=1)] * 120) == 20


def test_an_interval_without_answers_draws_nothing():
    assert bars(hit_shares([Origins(), Origins()])) == []


def test_the_picture_says_its_content_in_words():
    picture = ET.fromstring(hit_shares([Origins(l1=3, database=1)]))

    assert picture.get("aria-label") == (
        "Of 4 answers 75% came from memory, 0% from Valkey and 25% from the database"
    )
