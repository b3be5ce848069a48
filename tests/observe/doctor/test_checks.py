"""Each check finds what it is for, and finds it no more once that is mended."""

import pytest
from msgspec.structs import replace
from observe.doctor.on_paper import CRITICAL, PROVOKED, WELL, machine

from wb_cli.errors import EngineUnreachableError
from wb_cli.host.disks import Disk
from wb_cli.host.mounts import MountPoint
from wb_cli.observe.doctor.facts import Facts
from wb_cli.observe.doctor.finding import Finding, Severity
from wb_cli.observe.doctor.table import examine

GIB = 1024**3


def found(code: str, facts: Facts) -> list[Finding]:
    return [finding for finding in examine(facts) if finding.code == code]


def test_nothing_is_found_where_all_is_well() -> None:
    codes = [finding.code for finding in examine(WELL)]
    assert codes == ["docker-socket"]  # the example is a stock platform, which needs it


@pytest.mark.parametrize("code", PROVOKED)
def test_what_is_wrong_is_found_and_nothing_else(code: str) -> None:
    bad, _ = PROVOKED[code]
    for facts in bad:
        codes = {finding.code for finding in examine(facts)}
        assert codes == {code, "docker-socket"}


@pytest.mark.parametrize("code", PROVOKED)
def test_what_is_mended_is_found_no_more(code: str) -> None:
    _, good = PROVOKED[code]
    for facts in good:
        assert found(code, facts) == []


@pytest.mark.parametrize("code", CRITICAL)
def test_the_worst_is_critical(code: str) -> None:
    (finding,) = found(code, CRITICAL[code])
    assert finding.severity is Severity.CRITICAL


def disk(size: int, free: int) -> Facts:
    return machine(disks=(Disk("/mnt", size, free, 0, 0),))


@pytest.mark.parametrize(
    ("size", "free", "severity"),
    [
        (100 * GIB, 1 * GIB, Severity.CRITICAL),
        (100 * GIB, 9 * GIB, Severity.WARNING),
        (100 * GIB, 11 * GIB, None),
        (4096 * GIB, 60 * GIB, None),
        (100 * GIB, 0, Severity.CRITICAL),
    ],
)
def test_a_disk_is_low_if_both_its_share_and_its_space_are_small(
    size: int, free: int, severity: Severity | None
) -> None:
    severities = [finding.severity for finding in found("disk-low", disk(size, free))]
    assert severities == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("mount", "line"),
    [
        (
            MountPoint("/mnt/a b", "/", "8:1", "xfs", "/dev/sdb1", "rw,noatime"),
            r"'/dev/sdb1 /mnt/a\040b xfs rw,noatime,nofail 0 0'",
        ),
        (
            MountPoint("/mnt/data", "/big/data", "8:1", "xfs", "/dev/sdb1", "rw"),
            "'/big/data /mnt/data none bind,nofail 0 0'",
        ),
    ],
    ids=["a disk", "a part of a disk"],
)
def test_the_line_for_fstab_mounts_the_same_thing(mount: MountPoint, line: str) -> None:
    (finding,) = found("mount-not-kept", machine(lost_mounts=(mount,)))
    assert finding.commands == (f"echo {line} >> /etc/fstab",)


@pytest.mark.parametrize(
    ("choice", "is_absent", "command"),
    [
        ((), True, "wb setup --install-engine"),
        ((), False, "wb setup"),
        (("DOCKER_HOST",), False, "unset DOCKER_HOST"),
    ],
)
def test_the_way_back_to_an_engine_depends_on_why_it_does_not_answer(
    choice: tuple[str, ...], is_absent: bool, command: str
) -> None:
    error = EngineUnreachableError("no answer", "look there", is_absent=is_absent)
    facts = replace(WELL, engine=None, engine_error=error, engine_choice=choice)
    (finding,) = found("engine-unreachable", facts)
    assert (finding.commands, finding.advice) == ((command,), "look there")


def test_nothing_is_concluded_from_a_listing_that_is_not_there() -> None:
    facts = replace(WELL, engine=None, engine_error=EngineUnreachableError("no answer"))
    assert {f.code for f in examine(facts)} == {"engine-unreachable", "docker-socket"}


def test_whoever_asks_about_instances_hears_nothing_of_the_machine() -> None:
    facts = replace(machine(disks=(Disk("/mnt", GIB, 0, 0, 0),)), chooses_all=False)
    assert [finding.code for finding in examine(facts)] == ["docker-socket"]
    error = EngineUnreachableError("no answer")
    facts = replace(facts, engine=None, engine_error=error)
    assert "engine-unreachable" in {finding.code for finding in examine(facts)}
