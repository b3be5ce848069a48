"""Which moments an instance can go back to, by its backups and its WAL."""

from datetime import datetime

import pytest
from backup.moments.examples import DAY, MIB, MIDNIGHT, at, backup, segment, stretch

from wb_cli.backup.moments.spans import (
    Span,
    choose_way,
    count_new_bytes,
    find_spans,
    find_unneeded,
    fits,
    name_moment,
)
from wb_cli.backup.snapshots import Backup, Proof
from wb_cli.errors import UsageError


def moments(spans: list[Span]) -> list[tuple[float, float]]:
    return [(span.begin - MIDNIGHT, span.end - MIDNIGHT) for span in spans]


def test_moments_reach_from_the_first_backup_that_fits_to_the_last_that_was_received() -> None:
    backups = [backup(300, 7), backup(200, 5), backup(100, 1)]
    (span,) = find_spans(backups, [stretch(3, 9, 400)])
    assert moments([span]) == [(200, 400)]
    assert [each.id for each in span.backups] == ["b300", "b200"]


UNFIT = {
    "of another data folder": backup(200, 5, line="b"),
    "from before its WAL was received": backup(200, None),
    "begun before the stretch": backup(200, 2),
    "that failed its proof": backup(200, 5, proof=Proof("failed", "", 0)),
    "later than all that was received": backup(401, 9),
}


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT)
def test_no_moment_starts_from_a_backup(unfit: Backup) -> None:
    assert find_spans([unfit], [stretch(3, 9, 400)]) == []


def test_a_stretch_of_which_nothing_is_known_to_be_complete_leads_nowhere() -> None:
    assert find_spans([backup(200, 5)], [stretch(3, 9, 0)]) == []


def test_the_way_to_a_moment_starts_from_the_newest_backup_before_it() -> None:
    spans = find_spans([backup(300, 7), backup(200, 5)], [stretch(3, 9, 400)])
    for seconds, chosen in ((200, "b200"), (299.5, "b200"), (300, "b300"), (400, "b300")):
        way = choose_way("demo", spans, at(seconds), at(1000))
        assert (way.moment, way.backup.id) == (at(seconds), chosen)
    assert way.stretch.count(way.backup.wal) == 3


def refused(spans: list[Span], seconds: float) -> UsageError:
    with pytest.raises(UsageError) as caught:
        choose_way("demo", spans, at(seconds), at(1000))
    return caught.value


def test_a_moment_to_which_no_way_leads_is_refused_with_those_that_there_are() -> None:
    spans = find_spans(
        [backup(300, 7, line="b"), backup(100, 1)],
        [stretch(1, 4, 200), stretch(5, 9, 400, line="b", began=3)],
    )
    hint = f"It can go back to: {spans[0]}; {spans[1]}."
    begin, end, again, last = (name_moment(at(each)) for each in (100, 200, 300, 400))
    assert str(spans[0]) == f"{begin} to {end}"
    for seconds, why in (
        (99, "no backup that is followed by WAL is that old"),
        (250, f"WAL is missing between {end} and {again}"),
        (401, f"its WAL was received until {last}"),
    ):
        error = refused(spans, seconds)
        moment = name_moment(at(seconds))
        assert error.message == f"demo cannot go back to {moment}: {why}"
        assert error.hint == hint


def test_a_moment_that_has_not_come_is_refused_with_those_that_there_are() -> None:
    spans = find_spans([backup(100, 1)], [stretch(1, 4, 200)])
    assert refused(spans, 1001).message.endswith("has not come yet")
    assert refused(spans, 1001).hint == f"It can go back to: {spans[0]}."
    assert refused([], 1001).hint == "There is no moment yet that it can go back to."


def test_where_no_way_leads_anywhere_the_first_steps_are_named() -> None:
    error = refused([], 10)
    assert error.message == "demo cannot go back to a moment: no backup has WAL that follows it"
    assert "pointInTime=true" in error.hint


def test_a_moment_is_named_so_that_it_can_be_given_again() -> None:
    for moment in (at(5), at(5.125)):
        assert datetime.fromisoformat(name_moment(moment)).timestamp() == moment
    assert "." not in name_moment(at(5))


def test_wal_from_before_the_oldest_backup_is_of_no_use() -> None:
    whole = stretch(1, 300, 400)
    unneeded = find_unneeded([backup(300, 290), backup(200, 258)], [whole], 14, at(400))
    assert unneeded == {whole.name: segment(258)}


def test_wal_of_the_last_days_stays_from_the_backup_before_them_on() -> None:
    grown = stretch(1, 9, 20 * DAY)
    backups = [backup(day * DAY, day // 2) for day in (19, 12, 8, 2)]
    assert find_unneeded(backups, [grown], 10, at(20 * DAY)) == {grown.name: segment(4)}
    assert find_unneeded(backups, [grown], 100, at(20 * DAY)) == {}


def test_a_stretch_goes_once_it_is_old_or_no_backup_fits_it_but_the_newest_grows_on() -> None:
    old = stretch(1, 2, 5)
    orphan = stretch(1, 2, 30 * DAY, line="x", began=1)
    newest = stretch(3, 9, 0, line="b", began=2)
    assert find_unneeded([backup(1, 1)], [old, orphan, newest], 14, at(30 * DAY)) == {
        old.name: "",
        orphan.name: "",
    }


def test_the_segment_that_is_being_written_stays() -> None:
    short = stretch(1, 2, 400)
    assert find_unneeded([backup(300, 5)], [short], 14, at(400)) == {short.name: segment(2)}


def test_wal_is_new_from_the_newest_backup_that_it_fits_on() -> None:
    size = 16 * MIB
    assert count_new_bytes([], [stretch(1, 4, 200)]) == 4 * size
    assert count_new_bytes([backup(300, 3), backup(200, 2)], [stretch(1, 4, 200)]) == 2 * size
    later = stretch(9, 9, 0, line="b", began=1)
    assert count_new_bytes([backup(300, 4)], [stretch(1, 4, 200), later]) == 2 * size
    assert count_new_bytes([backup(300, 9)], [stretch(1, 4, 200)]) == 0


def test_a_backup_fits_wal_that_goes_on_from_where_its_copy_began() -> None:
    assert fits(backup(1, 3), stretch(3, 3, 5))
    assert not fits(backup(1, 2), stretch(3, 3, 5))
