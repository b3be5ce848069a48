"""Tables fit a terminal and break no id, name or address; in a pipe nothing is cut."""

import pytest

from wb_cli.cli.show.tables import Column, Give, StateCell, cut, lay_out, measure, wrap

ADDRESS = "http://127.0.0.1:23100"
COLUMNS = (
    Column("ID"),
    Column("STATE"),
    Column("VERSION", drop=1),
    Column("URL", drop=2),
    Column("REASON", Give.CUT, drop=3),
)
REASON = "valkey ended 5m ago: exit code 137 (out of memory); `wb logs demo` says why"
ROWS = [
    ("demo", StateCell("degraded"), "1.7.0", ADDRESS, REASON),
    ("a-long-name", StateCell("running"), "1.7.0", ADDRESS, ""),
]


def test_without_a_width_nothing_is_cut_or_left_out() -> None:
    lines = lay_out(COLUMNS, ROWS)
    assert lines[1].split()[:4] == ["demo", "degraded", "1.7.0", ADDRESS]
    assert lines[1].endswith(REASON)


def test_the_reason_is_cut_first() -> None:
    lines = lay_out(COLUMNS, ROWS, width=80)
    assert ADDRESS in lines[1]
    assert lines[1].endswith("…")
    assert "valkey ended" in lines[1]
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (160, ["ID", "STATE", "VERSION", "URL", "REASON"]),
        (68, ["ID", "STATE", "VERSION", "URL", "REASON"]),
        (67, ["ID", "STATE", "URL", "REASON"]),
        (59, ["ID", "STATE", "URL", "REASON"]),
        (58, ["ID", "STATE", "REASON"]),
        (30, ["ID", "STATE"]),
        (5, ["ID", "STATE"]),
    ],
)
def test_columns_are_left_out_in_their_order(width: int, headings: list[str]) -> None:
    assert lay_out(COLUMNS, ROWS, width=width)[0].split() == headings


@pytest.mark.parametrize("width", range(21, 200))
def test_every_line_fits_and_every_id_and_address_is_whole(width: int) -> None:
    lines = lay_out(COLUMNS, ROWS, width=width)
    assert max(map(measure, lines)) <= width
    assert [line.split()[0] for line in lines] == ["ID", "demo", "a-long-name"]
    for line in lines[1:]:
        assert ADDRESS in line or "http" not in line


def test_the_text_of_a_plain_last_column_is_wrapped_between_words() -> None:
    lines = lay_out(("ID", "RESULT"), [("demo", f"ready at {ADDRESS} in two seconds")], width=30)
    assert lines == [
        "ID    RESULT",
        "demo  ready at",
        f"      {ADDRESS}",
        "      in two seconds",
    ]


def test_two_texts_share_the_room_and_a_short_one_gets_all_that_it_needs() -> None:
    columns = (Column("A", Give.WRAP), Column("B", Give.CUT))
    lines = lay_out(columns, [("word " * 4, "x" * 90)], width=60)
    assert lines[1].startswith("word word word word")
    assert measure(lines[1]) == 60


def test_a_state_has_its_colour_and_widths_do_not_count_it() -> None:
    plain = lay_out(COLUMNS, ROWS, width=90)
    coloured = lay_out(COLUMNS, ROWS, width=90, with_colour=True)
    assert "\x1b[33mdegraded\x1b[0m" in coloured[1]
    assert [measure(line) for line in coloured[1:]] == [len(line) for line in plain[1:]]


def test_a_text_cannot_move_the_cursor() -> None:
    (_, line) = lay_out(("ID",), [("demo\x1b[2J\nnext",)])
    assert line == "demo [2J next"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("short", 5, "short"), ("longer", 5, "long…"), ("a b c d", 4, "a b…"), ("日本語", 5, "日本…")],
)
def test_a_text_that_is_cut_shows_it(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown
    assert measure(shown) <= width


def test_a_column_that_says_nothing_goes_before_those_that_do() -> None:
    columns = [Column(name, drop=i) for i, name in enumerate(("ID", "VERSION", "URL", "WHY"))]
    rows = [("demo", "1.7.0", "-", ""), ("mali", "1.7.0", "-", "")]
    assert lay_out(columns, rows, width=18)[0].split() == ["ID", "VERSION", "WHY"]
    assert lay_out(columns, rows, width=13)[0].split() == ["ID", "VERSION"]
    rows[1] = ("mali", "1.7.0", "-", "it")
    assert lay_out(columns, rows, width=13)[0].split() == ["ID", "WHY"]


def test_a_sentence_is_broken_between_words_and_a_command_stays_whole() -> None:
    text = "hint: choose one that `docker images` lists: `wb config set mali image=...`."
    assert wrap(text, 40) == [
        "hint: choose one that `docker images`",
        "  lists: `wb config set mali image=...`.",
    ]
    assert wrap(text, None) == wrap(text, 200) == [text]
    assert wrap("  a fact of two lines", 14) == ["  a fact of", "    two lines"]


def test_a_word_that_is_longer_than_a_line_has_its_own() -> None:
    assert wrap(f"at {ADDRESS} now", 10) == ["at", f"  {ADDRESS}", "  now"]


def test_an_address_that_is_wider_than_its_column_stays_whole() -> None:
    columns = (Column("NAME"), Column("VALUE", Give.WRAP), Column("FROM", Give.WRAP))
    rows = [("server", ADDRESS * 2, "default"), ("other", "1", "a file called SERVERS_FILE_PATH")]
    (_, first, second, *_) = lay_out(columns, rows, width=60)
    assert first == f"server  {ADDRESS * 2}"
    assert second.strip() == "default"
    assert second.index("default") == lay_out(columns, rows, width=60)[0].index("FROM")


def test_what_fits_beside_an_address_stands_beside_it() -> None:
    columns = (Column("NAME"), Column("VALUE", Give.WRAP), Column("FROM", Give.WRAP))
    rows = [("server", ADDRESS * 2, "yes"), ("other", "1", "SERVERS_FILE_PATH")]
    assert lay_out(columns, rows, width=60)[1] == f"server  {ADDRESS * 2}  yes"
