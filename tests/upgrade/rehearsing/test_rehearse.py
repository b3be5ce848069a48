"""Which backup is cloned, what is asked, and how far it is said to be."""

import json
from typing import Any

import pytest

from wb_cli.backup.snapshots import FAILED, PROVEN, Backup, Proof
from wb_cli.errors import UsageError, WbError
from wb_cli.upgrade.rehearsing import asking
from wb_cli.upgrade.rehearsing.answers import Answer
from wb_cli.upgrade.rehearsing.asking import Progress, Questions
from wb_cli.upgrade.rehearsing.budget import Budget
from wb_cli.upgrade.rehearsing.rehearse import choose_for_rehearsal

WHEN = "2026-11-27T12:00:00Z"
GOOD, BAD = Proof(PROVEN, WHEN, 1.0), Proof(FAILED, WHEN, 1.0)
LINE = '{"path": "/a", "name": "a", "status": 200}'


def backup(id_: str, proof: Proof | None = None, instance: str = "demo") -> Backup:
    proven = proof if proof is GOOD else None
    return Backup(instance, id_, WHEN, "manifest", proof=proof, proven=proven)


@pytest.mark.parametrize(
    ("backups", "chosen"),
    [
        ([backup("new"), backup("proven", GOOD), backup("old", GOOD)], "proven"),
        ([backup("bad", BAD), backup("new"), backup("old")], "new"),
        ([backup("other", GOOD, "mali"), backup("own")], "own"),
    ],
)
def test_the_last_proven_backup_is_cloned_or_else_the_newest_good_one(
    backups: list[Backup], chosen: str
) -> None:
    assert choose_for_rehearsal(backups, "demo").id == chosen


@pytest.mark.parametrize("backups", [[], [backup("bad", BAD)], [backup("other", GOOD, "mali")]])
def test_without_a_good_backup_the_way_to_one_is_named(backups: list[Backup]) -> None:
    with pytest.raises(UsageError, match="there is no backup of demo") as refused:
        choose_for_rehearsal(backups, "demo")
    assert "`wb backup demo`" in refused.value.hint


def ask(take: Any, known: tuple[Answer, ...] = ()) -> tuple[Questions, list[str]]:
    said: list[str] = []
    return Questions(Progress("1.7.0", said.append), take, known), said


def test_answers_are_passed_on_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Answer] = []
    questions, said = ask(taken.append)
    monkeypatch.setattr(asking, "TELLS_FROM_S", 0)
    for line in ('{"total": 1200}', LINE, LINE):
        questions.hear(line)
    assert taken == [Answer("/a", "a", 200)] * 2
    assert said[-1] == "asking 1.7.0: 2 of 1,200, about 0s left"
    assert questions.problem is None


def test_a_line_that_is_no_answer_is_a_problem_and_so_is_a_full_disk() -> None:
    questions, _ = ask(lambda _: None)
    for line in ("nonsense", LINE):
        questions.hear(line)
    assert questions.problem
    assert "cannot be read" in questions.problem.message

    def refuse(_: Answer) -> None:
        raise WbError("no room")

    questions, _ = ask(refuse)
    questions.hear(LINE)
    assert str(questions.problem) == "no room"


def test_the_newer_version_is_asked_what_the_other_one_answered() -> None:
    questions, _ = ask(lambda _: None, (Answer("/a", "a", 200, "v", "digest"),))
    assert json.loads(questions.write()["/questions.json"]) == [["/a", "a", "digest"]]
    assert ask(lambda _: None)[0].write() == {}


def test_the_memory_is_shared_by_the_two_containers() -> None:
    assert Budget(1000).share == 500
