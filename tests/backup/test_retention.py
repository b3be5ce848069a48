"""Which backups are kept, and why; and in which order the others go."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from wb_cli.backup.retention import (
    Judged,
    Plan,
    Reason,
    Rules,
    describe_reasons,
    judge,
    plan_forgetting,
)
from wb_cli.backup.snapshots import (
    DATA,
    FAILED,
    MANIFEST,
    PROOF,
    PROVEN,
    UNKNOWN,
    Backup,
    Proof,
    Snapshot,
    find_backups,
    make_tags,
)

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)  # a Tuesday
NONE = Rules()


def ago(days: float) -> str:
    return (NOON - timedelta(days=days)).isoformat()


def backup(days: float, verdict: str = "") -> Backup:
    proof = Proof(verdict, ago(0), 1.0) if verdict else None
    proven = proof if verdict == PROVEN else None
    return Backup("demo", f"d{days}", ago(days), f"m{days}", proof, proven)


def kept(backups: list[Backup], rules: Rules) -> dict[str, list[Reason]]:
    return {each.backup.id: list(each.reasons) for each in judge(backups, rules) if each.is_kept}


def test_the_newest_and_the_last_proven_stay_whatever_the_rules_say() -> None:
    backups = [backup(0), backup(1), backup(2, PROVEN), backup(3, PROVEN)]
    assert kept(backups, NONE) == {"d0": [Reason.NEWEST], "d2": [Reason.PROVEN]}


def test_what_a_kept_one_is_based_on_is_kept_with_it() -> None:
    whole = backup(5)
    changes = replace(backup(0), base=whole.id)
    assert kept([changes, backup(1), whole], NONE) == {
        "d0": [Reason.NEWEST],
        "d5": [Reason.BASE],
    }


def test_where_there_is_no_backup_none_is_kept() -> None:
    assert judge([], Rules(last=3)) == ()


def test_the_last_are_kept_however_near_they_are() -> None:
    backups = [backup(0), backup(0.01), backup(0.02), backup(0.03)]
    assert list(kept(backups, Rules(last=3))) == ["d0", "d0.01", "d0.02"]


def test_each_day_keeps_its_newest() -> None:
    backups = [backup(0), backup(0.1), backup(1), backup(1.1), backup(2), backup(3)]
    assert kept(backups, Rules(daily=3)) == {
        "d0": [Reason.NEWEST, Reason.DAILY],
        "d1": [Reason.DAILY],
        "d2": [Reason.DAILY],
    }


def test_days_without_a_backup_do_not_count() -> None:
    backups = [backup(0), backup(10), backup(200)]
    assert list(kept(backups, Rules(daily=3))) == ["d0", "d10", "d200"]


def test_weeks_and_months_keep_their_newest_for_long() -> None:
    backups = [backup(days) for days in range(100)]
    rules = Rules(daily=2, weekly=2, monthly=4)
    assert kept(backups, rules) == {
        "d0": [Reason.NEWEST, Reason.DAILY, Reason.WEEKLY, Reason.MONTHLY],
        "d1": [Reason.DAILY],
        "d2": [Reason.WEEKLY],  # the Sunday before
        "d31": [Reason.MONTHLY],  # the last of February
        "d59": [Reason.MONTHLY],
        "d90": [Reason.MONTHLY],
    }


def test_a_week_does_not_end_with_the_year() -> None:
    new_year = datetime(2026, 1, 1, 12, tzinfo=UTC)
    times = [new_year, new_year - timedelta(days=1)]
    backups = [Backup("demo", f"{time.year}", time.isoformat(), "m") for time in times]
    assert list(kept(backups, Rules(weekly=5))) == ["2026"]


def test_a_failed_backup_takes_nobody_s_place_and_goes_no_earlier_than_the_rules_say() -> None:
    backups = [backup(0), backup(1, FAILED), backup(1.1), backup(2, FAILED)]
    assert kept(backups, Rules(daily=2)) == {
        "d0": [Reason.NEWEST, Reason.DAILY],
        "d1": [Reason.DAILY],
        "d1.1": [Reason.DAILY],
    }


def test_a_time_with_another_offset_is_of_the_day_that_it_is_in_utc() -> None:
    local = Backup("demo", "local", "2026-03-31T01:00:00.123456789+02:00", "m")
    utc = Backup("demo", "utc", "2026-03-30T12:00:00Z", "m")
    assert list(kept([local, utc], Rules(daily=5))) == ["local"]


def snapshot(id_: str, days: float, kind: str, *more: str, instance: str = "demo") -> Snapshot:
    return Snapshot(id_, ago(days), (*make_tags(instance, kind), *more))


def stored(name: str, days: float, *verdicts: str) -> list[Snapshot]:
    """A whole backup, with as many proofs as there are verdicts."""
    return [
        snapshot(name, days, DATA),
        snapshot(f"m-{name}", days, MANIFEST, f"of={name}"),
        *(
            snapshot(f"p-{name}-{i}", i, PROOF, f"of={name}", f"verdict={verdict}")
            for i, verdict in enumerate(reversed(verdicts))
        ),
    ]


def plan(*snapshots: list[Snapshot], rules: Rules = NONE) -> Plan:
    listed = [each for group in snapshots for each in group]
    return plan_forgetting(listed, rules, NOON.timestamp())["demo"]


def test_the_manifest_goes_before_the_data_and_its_proofs() -> None:
    found = plan(stored("new", 0), stored("old", 9, UNKNOWN, FAILED))
    assert found.first == ("m-old",)
    assert found.then == ("old", "p-old-0", "p-old-1")
    assert [each.backup.id for each in found.kept] == ["new"]
    assert [each.backup.id for each in found.gone] == ["old"]


def test_what_is_cut_off_between_leaves_no_backup_and_goes_the_next_time() -> None:
    snapshots = [*stored("new", 0), *stored("old", 9, PROVEN, FAILED)]
    left = [each for each in snapshots if each.id not in plan(snapshots).first]
    assert [backup.id for backup in find_backups(left)] == ["new"]
    again = plan(left)
    assert (again.first, again.then) == ((), ("old", "p-old-0", "p-old-1"))
    assert again.unfinished == 1


def test_a_backup_under_way_is_left_alone_and_a_day_later_it_is_debris() -> None:
    assert plan([snapshot("now", 0.9, DATA)]).is_empty
    assert plan([snapshot("then", 1.1, DATA)]).then == ("then",)


def test_manifests_and_proofs_of_data_that_is_gone_go() -> None:
    _, *orphans = stored("lost", 0, PROVEN)
    found = plan(stored("new", 0), orphans)
    assert (found.first, found.then, found.unfinished) == (("m-lost",), ("p-lost-0",), 0)


def test_the_rules_are_applied_to_each_instance_by_itself() -> None:
    other = [
        snapshot("x", 50, DATA, instance="mali"),
        snapshot("m-x", 50, MANIFEST, "of=x", instance="mali"),
    ]
    plans = plan_forgetting([*stored("new", 0), *other], NONE, NOON.timestamp())
    assert {id_: found.is_empty for id_, found in plans.items()} == {"demo": True, "mali": True}


def test_a_proof_that_could_not_be_made_takes_nothing_and_one_that_failed_does() -> None:
    still = plan(stored("new", 0), stored("old", 9, PROVEN, UNKNOWN))
    assert still.is_empty
    assert not plan(stored("new", 0), stored("old", 9, PROVEN, FAILED)).is_empty


def test_a_snapshot_of_nobody_is_left_alone() -> None:
    assert plan_forgetting([Snapshot("x", ago(99), ("wb",))], NONE, NOON.timestamp()) == {}


def test_what_was_not_shown_is_not_forgotten() -> None:
    shown = plan(stored("new", 0), stored("old", 9))
    later = plan(stored("newer", -1), stored("new", 0), stored("old", 9))
    assert later.then == ("new", "old")
    limited = later.limit_to(shown)
    assert (limited.first, limited.then) == (("m-old",), ("old",))


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        ((), "no rule keeps it"),
        ((Reason.NEWEST, Reason.PROVEN), "the newest, the last proven one"),
        ((Reason.LAST, Reason.DAILY), "one of the last 3, of one of the last 7 days"),
        ((Reason.WEEKLY,), "of one of the last 4 weeks"),
        ((Reason.MONTHLY,), "of one of the last 12 months"),
    ],
)
def test_the_reasons_are_told_with_the_numbers(reasons: tuple[Reason, ...], said: str) -> None:
    rules = Rules(last=3, daily=7, weekly=4, monthly=12)
    assert describe_reasons(Judged(backup(0), reasons), rules) == said
