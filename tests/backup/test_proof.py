"""What is said of a trial: of the backup, and of the WAL that follows it."""

import pytest

from wb_cli.backup.proof import OfWal, Proof, Verdict
from wb_cli.errors import ExitCode
from wb_cli.quantities import describe_moment

UNTIL = 1_700_000_000.0
LEADS = OfWal(Verdict.PROVEN, UNTIL)


@pytest.mark.parametrize(
    ("verdict", "reason", "of_wal", "said", "code"),
    [
        (Verdict.PROVEN, "", None, "proven, restored in 2.0 s", ExitCode.OK),
        (
            Verdict.PROVEN,
            "",
            LEADS,
            "proven, restored in 2.0 s; its WAL leads to each moment until "
            + describe_moment(UNTIL),
            ExitCode.OK,
        ),
        (
            Verdict.PROVEN,
            "",
            OfWal(Verdict.FAILED, reason="torn"),
            "proven, restored in 2.0 s; its WAL failed: torn",
            ExitCode.FAILURE,
        ),
        (
            Verdict.PROVEN,
            "",
            OfWal(Verdict.UNKNOWN, reason="no room"),
            "proven, restored in 2.0 s; its WAL could not be checked: no room",
            ExitCode.FAILURE,
        ),
        (Verdict.FAILED, "torn", None, "failed: torn", ExitCode.FAILURE),
    ],
)
def test_a_trial_is_well_if_the_backup_and_its_wal_are_proven(
    verdict: Verdict, reason: str, of_wal: OfWal | None, said: str, code: ExitCode
) -> None:
    proof = Proof("1a2b3c4d5e", verdict, "2026-11-27T00:00:00Z", 2.0, reason, of_wal)
    assert (proof.describe(), proof.exit_code) == (f"1a2b3c4d: {said}", code)


def test_a_moment_is_documented_only_where_wal_led_there() -> None:
    assert LEADS.as_document()["until"] == "2023-11-14T22:13:20+00:00"
    assert OfWal(Verdict.UNKNOWN, reason="no room").as_document()["until"] is None
