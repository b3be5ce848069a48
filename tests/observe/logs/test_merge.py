"""Lines of several parts in the order of their time, with as few lines held as possible."""

import re
from collections.abc import Iterator

from wb_cli.contract import Part
from wb_cli.engine.log_lines import LogLine, LogStream
from wb_cli.observe.logs.merge import choose, merge, sort
from wb_cli.observe.logs.options import LogChoice

PG, KV = Part.POSTGRES, Part.VALKEY


def line(moment: str, text: str = "") -> LogLine:
    return LogLine(moment, LogStream.STDOUT, text.encode())


def moments(lines: object) -> list[str]:
    return [found.moment for _, found in lines]  # type: ignore[attr-defined]


def test_lines_are_merged_by_time() -> None:
    merged = merge({PG: [line("1"), line("4")], KV: [line("2"), line("3")]})
    assert [(part, found.moment) for part, found in merged] == [
        (PG, "1"),
        (KV, "2"),
        (KV, "3"),
        (PG, "4"),
    ]


def test_a_part_keeps_its_own_order() -> None:
    assert moments(merge({PG: [line("2"), line("1")], KV: [line("3")]})) == ["2", "1", "3"]
    late = [(PG, line("2")), (KV, line("2", "later")), (KV, line("1"))]
    assert [found.text for _, found in sort(late)] == [b"", b"", b"later"]


def test_a_merge_holds_one_line_of_each_part() -> None:
    given: list[str] = []

    def endless(start: int) -> Iterator[LogLine]:
        for number in range(start, 10**9):
            given.append(f"{number:09}")
            yield line(given[-1])

    merged = merge({PG: endless(1), KV: endless(1)})
    for _ in range(100):
        next(merged)
    assert len(given) <= 102


def test_the_last_lines_that_match_are_chosen() -> None:
    lines = [line(str(number), f"{number} {'ab'[number % 2]}") for number in range(9)]
    chosen = choose(lines, LogChoice(tail=2, pattern=re.compile("a")))
    assert [found.moment for found in chosen] == ["6", "8"]
    assert list(choose(lines, LogChoice(tail=2))) == lines  # the engine has counted them
