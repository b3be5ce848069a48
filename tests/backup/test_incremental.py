"""Which copy the next one is based on, and why it is a whole one where it is."""

from datetime import UTC, datetime, timedelta

import pytest

from wb_cli.backup.copying.incremental import Choice, choose_base, find_obstacle
from wb_cli.backup.snapshots import Backup, Proof

NOW = datetime(2026, 1, 8, tzinfo=UTC)
LINE = "the line"


def backup(id_: str, days_ago: float, base: str = "", line: str = LINE, proof: str = "") -> Backup:
    when = (NOW - timedelta(days=days_ago)).isoformat()
    found = Proof(proof, when, 1.0) if proof else None
    return Backup("demo", id_, when, f"m-{id_}", found, base=base, line=line, origin=id_)


WHOLE = backup("aa1", 3)


def choose(*backups: Backup) -> Choice:
    return choose_base(backups, LINE, NOW, 7)


def test_the_last_whole_copy_is_the_base() -> None:
    assert choose(WHOLE, backup("ab2", 4)) == Choice(WHOLE, LINE)


def test_a_copy_of_changes_is_never_a_base() -> None:
    assert choose(backup("ac3", 1, base="aa1"), WHOLE) == Choice(WHOLE, LINE)


@pytest.mark.parametrize("proof", ["proven", "unknown"])
def test_a_base_need_not_be_proven(proof: str) -> None:
    assert choose(backup("aa1", 1, proof=proof)).base


@pytest.mark.parametrize(
    ("backups", "why"),
    [
        ((), "it is the first one"),
        ((backup("aa1", 1, line="another"),), "aa1, the last whole one, is of another data folder"),
        (
            (backup("aa1", 1, proof="failed"),),
            "aa1, the last whole one, did not stand a proof (aa1)",
        ),
        (
            (backup("ac3", 0, base="aa1", proof="failed"), WHOLE),
            "aa1, the last whole one, did not stand a proof (ac3)",
        ),
        ((backup("aa1", 7),), "aa1, the last whole one, is 7 days old or older"),
        # An older whole copy is not taken instead: of it even more has changed.
        ((backup("ab2", 1, line="another"), WHOLE), "ab2, the last whole one, is of another"),
    ],
)
def test_a_whole_copy_says_why_it_is_whole(backups: tuple[Backup, ...], why: str) -> None:
    chosen = choose(*backups)
    assert chosen.base is None
    assert why in chosen.why_whole


@pytest.mark.parametrize(
    ("version", "days", "obstacle"),
    [
        ("17.4", 7, ""),
        ("18beta1", 7, ""),
        ("16.9 (Debian 16.9-1)", 7, "PostgreSQL 16.9 (Debian 16.9-1) cannot tell what changed"),
        ("17.4", 0, "the setting backup_full_every is 0"),
    ],
)
def test_what_keeps_every_copy_a_whole_one_is_named(version: str, days: int, obstacle: str) -> None:
    assert find_obstacle(version, days) == obstacle
