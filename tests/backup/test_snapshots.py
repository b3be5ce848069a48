"""Which snapshots of a repository are backups."""

from typing import Any

import pytest

from wb_cli.backup.snapshots import (
    DATA,
    MANIFEST,
    PROOF,
    Snapshot,
    choose,
    choose_for_trial,
    find_backups,
    find_unfinished,
    group_by_instance,
    make_tags,
)
from wb_cli.errors import UsageError


def snapshot(id_: str, minute: int, kind: str, *more: str, instance: str = "demo") -> Snapshot:
    return Snapshot(id_, f"2026-01-01T00:{minute:02}:00Z", (*make_tags(instance, kind), *more))


OLD = (snapshot("aa1", 0, DATA), snapshot("m1", 1, MANIFEST, "of=aa1"))
NEW = (snapshot("ab2", 2, DATA), snapshot("m2", 3, MANIFEST, "of=ab2"))
UNFINISHED = snapshot("ac3", 4, DATA)
ELSEWHERE = (
    snapshot("bb1", 5, DATA, instance="mali"),
    snapshot("m3", 6, MANIFEST, "of=bb1", instance="mali"),
)


def proof(of: str, minute: int, verdict: str) -> Snapshot:
    return snapshot("p", minute, PROOF, f"of={of}", f"verdict={verdict}", "seconds=4.5")


def test_backups_come_newest_first_and_each_knows_its_manifest() -> None:
    found = find_backups([*OLD, *NEW])
    assert [(backup.id, backup.manifest) for backup in found] == [("ab2", "m2"), ("aa1", "m1")]


def test_data_without_a_manifest_is_no_backup() -> None:
    assert find_backups([UNFINISHED]) == []
    assert find_unfinished([*OLD, UNFINISHED]) == [UNFINISHED]


def test_a_manifest_without_data_is_no_backup() -> None:
    assert find_backups([OLD[1]]) == []


def test_the_last_proof_counts() -> None:
    (backup,) = find_backups([proof("aa1", 9, "failed"), proof("aa1", 8, "proven"), *OLD])
    assert backup.proof
    assert (backup.proof.verdict, backup.proof.seconds) == ("failed", 4.5)


def test_a_backup_that_was_never_tried_has_no_proof() -> None:
    assert [backup.proof for backup in find_backups([*OLD, proof("ab2", 9, "proven")])] == [None]


CHANGES = (snapshot("cc1", 7, DATA, "base=aa1"), snapshot("m4", 8, MANIFEST, "of=cc1"))


def test_changes_know_the_data_that_they_need() -> None:
    assert [(each.id, each.base) for each in find_backups([*OLD, *CHANGES])] == [
        ("cc1", "aa1"),
        ("aa1", ""),
    ]


def test_changes_need_the_data_of_their_base_and_not_its_manifest() -> None:
    assert [each.id for each in find_backups([OLD[0], *CHANGES])] == ["cc1"]


def test_changes_without_their_base_are_no_backup() -> None:
    assert find_backups([*NEW, *CHANGES]) == find_backups(NEW)
    assert find_unfinished([*NEW, *CHANGES]) == [CHANGES[0]]


def test_the_copies_in_another_repository_belong_together_by_their_first_ids() -> None:
    copies = [Snapshot(f"x{each.id}", each.time, each.tags, each.id) for each in (*OLD, *CHANGES)]
    tried = snapshot("p2", 9, PROOF, "of=cc1", "verdict=proven", "seconds=1")
    changes, whole = find_backups([*copies, tried])
    assert (changes.id, changes.base, changes.manifest) == ("xcc1", "xaa1", "xm4")
    assert (changes.origin, whole.origin) == ("cc1", "aa1")
    assert changes.proof


def test_backups_are_grouped_by_instance() -> None:
    groups = group_by_instance(find_backups([*OLD, *NEW, *ELSEWHERE]))
    assert {id_: len(backups) for id_, backups in groups.items()} == {"mali": 1, "demo": 2}


@pytest.mark.parametrize(("wanted", "chosen"), [("", "ab2"), ("aa", "aa1"), ("ab2", "ab2")])
def test_a_backup_is_chosen_by_the_beginning_of_its_id(wanted: str, chosen: str) -> None:
    assert choose(find_backups([*OLD, *NEW, *ELSEWHERE]), "demo", wanted).id == chosen


@pytest.mark.parametrize(
    ("instance", "wanted", "said"),
    [
        ("niger", "", "there is no backup of niger"),
        ("demo", "a", "several backups begin with a"),
        ("demo", "bb1", "there is no backup bb1"),
    ],
)
def test_what_cannot_be_chosen_is_named_with_what_there_is(
    instance: str, wanted: str, said: str
) -> None:
    known: Any = find_backups([*OLD, *NEW, *ELSEWHERE])
    with pytest.raises(UsageError, match=said) as caught:
        choose(known, instance, wanted)
    assert caught.value.hint


def test_the_instance_whose_last_trial_is_the_oldest_is_tried_first() -> None:
    never = (
        snapshot("cc1", 7, DATA, instance="niger"),
        snapshot("m4", 8, MANIFEST, "of=cc1", instance="niger"),
    )
    tried = [
        proof("aa1", 30, "proven"),  # an older backup of demo
        snapshot("q", 20, PROOF, "of=bb1", "verdict=unknown", instance="mali"),
    ]
    backups = find_backups([*OLD, *NEW, *ELSEWHERE, *never, *tried])
    assert {id_: backup.id for id_, backup in choose_for_trial(backups).items()} == {
        "niger": "cc1",
        "mali": "bb1",
        "demo": "ab2",
    }
    assert list(choose_for_trial(backups)) == ["niger", "mali", "demo"]


def test_a_proof_counts_until_a_later_one_fails() -> None:
    def proven(*verdicts: str) -> bool:
        proofs = [proof("aa1", 9 + i, verdict) for i, verdict in enumerate(verdicts)]
        (backup,) = find_backups([*OLD, *proofs])
        return backup.proven is not None

    assert proven("proven")
    assert proven("proven", "unknown")
    assert proven("failed", "proven")
    assert not proven("proven", "failed")
    assert not proven("proven", "failed", "unknown")
    assert not proven("unknown")
    assert not proven()
