"""The chart of hit shares."""

import xml.etree.ElementTree as ET

import pytest

from wb_cli.server.page.chart import BARS, bars_of, hit_shares, minutes_shown, numbers
from wb_cli.server.watch.history import EVERY_S, KEPT, Origins


def bars(svg: str) -> list[dict[str, str]]:
    """The coloured parts of the bars."""
    return [dict(rect.attrib) for rect in ET.fromstring(svg).iter("rect") if rect.get("height")
            and rect.get("class") != "hit"]  # fmt: skip


def per_cent(text: str) -> float:
    assert text.endswith("%")
    return float(text[:-1])


def titles(svg: str) -> list[str]:
    return [str(title.text) for title in ET.fromstring(svg).iter("title")]


def test_a_bar_is_split_by_origin_and_fills_the_plot():
    drawn = bars(hit_shares([Origins(l1=2, l2=1, database=1)]))

    heights = {bar["class"]: per_cent(bar["height"]) for bar in drawn}
    assert heights["l1"] == pytest.approx(50, abs=0.1)
    assert sum(heights.values()) == pytest.approx(100, abs=0.2)


def test_the_newest_interval_is_the_rightmost_and_inside_the_picture():
    drawn = bars(hit_shares([Origins(l1=1)] * (KEPT + 1)))

    places = [per_cent(bar["x"]) for bar in drawn]
    assert len(places) == BARS
    assert places == sorted(places)
    assert places[0] >= 0
    assert 98 < places[-1] + per_cent(drawn[-1]["width"]) <= 100


def test_a_young_server_shows_fewer_minutes_so_that_there_is_something_to_see():
    assert minutes_shown([Origins(l1=1)]) == BARS * EVERY_S / 60 == 5
    assert minutes_shown([Origins(l1=1)] * 31) == 15
    assert minutes_shown([Origins(l1=1)] * (KEPT + 1)) == KEPT * EVERY_S / 60 == 30


@pytest.mark.parametrize("count", [1, 30, 31, 90, 91, KEPT])
def test_no_answer_is_lost_where_a_bar_spans_several_intervals(count):
    intervals = [Origins(l1=n, l2=1, database=2) for n in range(count)]

    shown = bars_of(intervals)

    assert len(shown) <= BARS
    assert sum(bar.origins.l1 for bar in shown) == sum(range(count))
    assert sum(bar.origins.total for bar in shown) == sum(range(count)) + 3 * count


def test_an_interval_without_answers_draws_nothing():
    assert bars(hit_shares([Origins(), Origins()])) == []


def test_the_picture_says_its_content_in_words():
    picture = ET.fromstring(hit_shares([Origins(l1=3, database=1)]))

    assert picture.get("aria-label") == (
        "Of 4 answers 75% came from memory, 0% from Valkey and 25% from the database"
    )


@pytest.mark.parametrize(
    ("count", "newest", "oldest"),
    [
        (8, "the last 10 s", "1:20 to 1:10 min ago"),
        (40, "the last 30 s", "7 to 6:30 min ago"),
        (KEPT, "the last 60 s", "30 to 29 min ago"),
    ],
)
def test_a_bar_says_its_time_and_its_numbers(count, newest, oldest):
    said = titles(hit_shares([Origins(l1=3, database=1)] * count))

    assert said[-1].startswith(f"{newest}: ")
    assert said[0].startswith(f"{oldest}: ")
    assert said[0].endswith(" answers: 75% memory, 0% Valkey, 25% database")


def test_every_bar_can_be_reached_with_the_keyboard_and_has_a_name():
    picture = ET.fromstring(hit_shares([Origins(l1=1), Origins(), Origins(database=1)]))

    reached = picture.findall("g[@tabindex='0']")
    assert [group.get("id") for group in reached] == ["bar-2", "bar-0"]
    assert all(group.findtext("title") for group in reached)


def test_the_table_has_the_numbers_of_the_chart_the_newest_first():
    table = ET.fromstring(numbers([Origins(l1=5), Origins(), Origins(1, 2, 3000)]))

    rows = ["".join(f"|{cell.text}" for cell in row) for row in table.iter("tr")]
    assert rows == [
        "|Min ago|Answers|Memory|Valkey|Database",
        "|0:10\u20130|3,003|1|2|3,000",
        "|0:30\u20130:20|5|5|0|0",
    ]
