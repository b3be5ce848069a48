"""Where answers came from, over time."""

from wb_cli.server.watch.history import KEPT, History, Origins, side_by_side


def test_an_interval_holds_the_answers_since_the_last_interval():
    counts = iter([Origins(1, 0, 3), Origins(5, 1, 3), Origins(7, 1, 3)])
    history = History(lambda: next(counts))

    history.sample()
    history.sample()

    assert history.with_current() == [Origins(1, 0, 3), Origins(4, 1, 0), Origins(2, 0, 0)]


def test_the_history_is_bounded():
    history = History(Origins)

    for _ in range(KEPT + 50):
        history.sample()

    assert len(history.intervals) == KEPT


def test_histories_of_different_length_are_added_up_from_now_backwards():
    old, new = [Origins(1), Origins(2), Origins(l2=3)], [Origins(database=5)]

    assert side_by_side([old, new]) == [Origins(1), Origins(2), Origins(0, 3, 5)]
    assert side_by_side([old]) == old
