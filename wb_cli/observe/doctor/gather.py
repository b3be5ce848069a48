"""Ask many questions side by side, and wait for the answers no longer than a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.errors import WbError
from wb_cli.observe.doctor.facts import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKERS = 16
# What is asked about: an instance's id, or "" for the machine; and what is asked.
Question = tuple[str, str]
Job = Callable[[], Any]


class _Failed(Struct, frozen=True):
    """What a question raised, and no answer."""

    error: Exception


def gather(
    jobs: Mapping[Question, Job], deadline_s: float
) -> tuple[dict[Question, Any], list[Unknown]]:
    """Answer the questions. What fails, or takes too long, is unknown.

    An error that is returned, and not raised, is an answer. A question may never be answered, as
    with a disk behind a network that is down. Then its thread is left behind, and does not keep the
    process from ending.
    """
    todo: SimpleQueue[tuple[Question, Job]] = SimpleQueue()
    done: SimpleQueue[tuple[Question, Any]] = SimpleQueue()
    for item in jobs.items():
        todo.put(item)
    for _ in range(min(WORKERS, len(jobs))):
        threading.Thread(target=_work, args=(todo, done), daemon=True).start()
    answers = _collect(done, len(jobs), time.monotonic() + deadline_s)
    return _sort(jobs, answers, f"no answer within {deadline_s:g} s")


def _work(todo: SimpleQueue[tuple[Question, Job]], done: SimpleQueue[tuple[Question, Any]]) -> None:
    while True:
        try:
            question, job = todo.get_nowait()
        except Empty:
            return
        try:
            answer = job()
        except Exception as error:  # noqa: BLE001  (it is raised again by the thread that waits)
            answer = _Failed(error)
        done.put((question, answer))


def _collect(
    done: SimpleQueue[tuple[Question, Any]], count: int, deadline: float
) -> dict[Question, Any]:
    answers: dict[Question, Any] = {}
    while len(answers) < count:
        try:
            question, answer = done.get(timeout=max(deadline - time.monotonic(), 0))
        except Empty:
            break
        answers[question] = answer
    return answers


def _sort(
    jobs: Mapping[Question, Job], answers: Mapping[Question, Any], too_late: str
) -> tuple[dict[Question, Any], list[Unknown]]:
    """Sort out what was not answered. A fault of wb itself is raised."""
    known: dict[Question, Any] = {}
    unknown: list[Unknown] = []
    for question in jobs:
        instance, what = question
        answer = answers.get(question, _Failed(TimeoutError(too_late)))
        if not isinstance(answer, _Failed):
            known[question] = answer
        elif isinstance(answer.error, WbError | OSError):
            unknown.append(Unknown(what, _describe(answer.error), instance))
        else:
            raise answer.error
    return known, unknown


def _describe(error: WbError | OSError) -> str:
    if isinstance(error, WbError):
        return error.headline
    return f"{error.strerror}: {error.filename}" if error.filename else str(error)
