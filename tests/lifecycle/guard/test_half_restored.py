"""How far a restore came, judged by the folders that it left."""

import pytest

from wb_cli.lifecycle.guard.half_restored import IN_THE_WAY, Folders, Left, judge, suggest


@pytest.mark.parametrize(
    ("folders", "left"),
    [
        (Folders(), Left.NOTHING),
        (Folders(has_database=True), Left.NOTHING),
        (Folders(is_fetched=True, has_database=True), Left.FETCHED),
        (Folders(is_fetched=True), Left.FETCHED_ALONE),
        (Folders(is_moving=True, has_before=True, has_database=True), Left.HALF_IN),
        (Folders(is_moving=True, has_before=True, is_fetched=True), Left.HALF_IN_ALONE),
        (Folders(is_moving=True, is_going_back=True, has_database=True), Left.HALF_BACK),
        (Folders(is_moving=True, is_going_back=True), Left.HALF_BACK),
        (Folders(has_before=True, has_old=True), Left.KEPT),
        (Folders(has_before=True, had_none=True, has_database=True), Left.KEPT),
        (Folders(has_before=True, had_none=True), Left.REMAINS),
        (Folders(has_before=True, has_database=True), Left.REMAINS),
        (Folders(has_given_up=True), Left.REMAINS),
    ],
)
def test_the_folders_tell_how_far_a_restore_came(folders: Folders, left: Left) -> None:
    assert judge(folders) is left


@pytest.mark.parametrize("left", Left)
def test_whatever_is_left_has_a_remedy(left: Left) -> None:
    assert bool(suggest(left, "demo")) == (left is not Left.NOTHING)


def test_each_state_in_the_way_of_a_start_names_a_command_that_settles_it() -> None:
    for left in IN_THE_WAY - {Left.FETCHED_ALONE}:
        assert suggest(left, "demo") == "`wb run demo` puts it in order."
    assert "`wb remove-dirs demo`" in suggest(Left.FETCHED_ALONE, "demo")
