"""WAL without a gap: its segments, and which of them a moment needs."""

import pytest
from backup.moments.examples import MIB, at, segment, stretch
from msgspec.structs import replace

from wb_cli.backup.moments.stretch import Segment, Stretch, collect_stretches, parse_stretches


def test_a_segment_has_another_number_where_segments_have_another_size() -> None:
    wide = Stretch("20261127T000000Z.a", "000000010000000200000001", "", 1024 * MIB, at(9))
    assert wide.number(wide.first) == 9
    assert wide.find_segment("2/40000000") == 9
    assert wide.has("2/7FFFFFFF")
    assert not wide.has("2/3FFFFFFF")


def test_a_listing_is_read_oldest_first_and_what_is_no_stretch_is_left_out() -> None:
    lines = [
        f"20261127T000002Z.b {segment(1)} {segment(2)} 16777216 1700000000",
        f"20261127T000001Z.a {segment(3)} {segment(3)} 16777216 0",
        "lost+found x y 1 0",
        "20261127T000001Z.a",
    ]
    first, second = parse_stretches(lines)
    assert (first.line, first.began, first.until) == ("a", "20261127T000001Z", 0)
    assert (second.first, second.last) == (segment(1), segment(2))


def test_the_segments_of_a_snapshot_are_collected_to_stretches() -> None:
    files = [
        ("s1.a", Segment(segment(2), 16, 8.0)),
        ("s1.a", Segment(segment(1), 16, 7.0)),
        ("s2.b", Segment(segment(9), 8)),
    ]
    found = collect_stretches(files, {"s1.a": 5.0}, "snap")
    first = ((segment(1), 7.0), (segment(2), 8.0))
    assert found == (
        Stretch("s1.a", segment(1), segment(2), 16, 5.0, "snap", first),
        Stretch("s2.b", segment(9), segment(9), 8, 0, "snap", ((segment(9), 0.0),)),
    )


@pytest.mark.parametrize(("seconds", "last"), [(5, 3), (10, 4), (25, 5), (30, 5), (99, 5)])
def test_a_moment_needs_the_segments_up_to_one_after_the_first_that_is_newer(
    seconds: float, last: int
) -> None:
    written = tuple((segment(number), at(number * 10 - 10)) for number in range(2, 6))
    assert replace(stretch(2, 5, 60), written=written).find_last_needed(at(seconds)) == last


def test_where_it_is_not_known_when_segments_were_written_all_are_needed() -> None:
    assert stretch(2, 5, 60).find_last_needed(at(1)) == 5


def test_a_segment_is_named_by_its_number() -> None:
    whole = stretch(1, 300, 60)
    assert [whole.name_segment(number) for number in (1, 255, 256)] == [
        segment(1),
        segment(255),
        segment(256),
    ]
