"""Questions are answered side by side, and none for longer than the deadline."""

import threading
import time

import pytest

from wb_cli.errors import NotFoundError
from wb_cli.observe.doctor.facts import Unknown
from wb_cli.observe.doctor.gather import WORKERS, gather


def test_what_is_answered_is_known() -> None:
    assert gather({("", "one"): lambda: 1, ("demo", "two"): lambda: None}, 5) == (
        {("", "one"): 1, ("demo", "two"): None},
        [],
    )


def test_an_error_makes_its_question_alone_unknown() -> None:
    def fail() -> None:
        raise NotFoundError("no such container\nand more")

    def read() -> bytes:
        with open("/no/such/file", "rb") as file:  # noqa: PTH123
            return file.read()

    known, unknown = gather({("demo", "a"): fail, ("", "b"): read, ("", "c"): lambda: 3}, 5)
    assert known == {("", "c"): 3}
    assert unknown == [
        Unknown("a", "no such container", "demo"),
        Unknown("b", "No such file or directory: /no/such/file"),
    ]


def test_a_question_that_is_never_answered_is_unknown_in_time() -> None:
    never = threading.Event()
    began = time.monotonic()
    known, unknown = gather({("", "a"): never.wait, ("", "b"): lambda: 2}, 0.2)
    never.set()
    assert time.monotonic() - began < 2
    assert known == {("", "b"): 2}
    assert unknown == [Unknown("a", "no answer within 0.2 s")]


def test_questions_behind_others_that_are_never_answered_are_unknown_too() -> None:
    never = threading.Event()
    jobs = {("", str(number)): never.wait for number in range(WORKERS + 1)}
    known, unknown = gather(jobs, 0.2)
    never.set()
    assert known == {}
    assert len(unknown) == WORKERS + 1


def test_questions_are_asked_side_by_side() -> None:
    meeting = threading.Barrier(WORKERS, timeout=5)
    known, _ = gather({("", str(number)): meeting.wait for number in range(WORKERS)}, 10)
    assert len(known) == WORKERS


def test_a_fault_of_wb_is_not_hidden_as_an_unknown() -> None:
    def fault() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        gather({("", "a"): fault}, 5)


def test_an_error_may_be_the_answer() -> None:
    error = NotFoundError("no such container")
    assert gather({("", "a"): lambda: error}, 5) == ({("", "a"): error}, [])


def test_no_question_is_no_answer() -> None:
    assert gather({}, 5) == ({}, [])
