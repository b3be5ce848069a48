"""Forgetting backups of one instance: the order, and what is looked at again under the lock."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.backup.forget import Forget, Forgotten
from wb_cli.backup.retention import Plan, Rules, plan_forgetting
from wb_cli.backup.snapshots import DATA, MANIFEST, Snapshot, find_backups, make_tags
from wb_cli.errors import WbError
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.options import RunOptions, Verb
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from wb_cli.backup.restic import Restic


def stored(name: str, minute: int) -> list[Snapshot]:
    time = f"2026-01-01T00:{minute:02}:00Z"
    return [
        Snapshot(name, time, make_tags("demo", DATA)),
        Snapshot(f"m-{name}", time, (*make_tags("demo", MANIFEST), f"of={name}")),
    ]


class Repository:
    """Stands for restic on a repository. It may be cut off after some calls."""

    def __init__(self, *snapshots: list[Snapshot], calls: int = 99) -> None:
        self.snapshots = [each for group in snapshots for each in group]
        self.calls = calls

    def list_snapshots(self) -> list[Snapshot]:
        return self.snapshots

    def forget(self, ids: tuple[str, ...], wait_s: float) -> None:
        assert wait_s == 0.0
        if not self.calls:
            raise WbError("cut off")
        self.calls -= 1
        assert set(ids) <= {each.id for each in self.snapshots}
        self.snapshots = [each for each in self.snapshots if each.id not in ids]

    def ids(self) -> set[str]:
        return {each.id for each in self.snapshots}


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    settings = replace(SETTINGS, mount_path=tmp_path, backup_key=Secret("k"))
    local: Any = type("Local", (), {"is_local": True})()
    return Fleet(local, settings, cast("Any", None))


def act(fleet: Fleet, repository: Repository, shown: Plan, *, dry_run: bool = False) -> Forgotten:
    options = RunOptions(Verb.FORGET, dry_run=dry_run)
    restic = cast("Restic", repository)
    return Forget(fleet, restic, "demo", Rules(), shown, options).run()


def shown_for(repository: Repository) -> Plan:
    return plan_forgetting(repository.snapshots, Rules(), 2e9)["demo"]


def test_what_no_rule_keeps_goes_with_its_manifest(fleet: Fleet) -> None:
    repository = Repository(stored("a", 1), stored("b", 2))
    done = act(fleet, repository, shown_for(repository))
    assert repository.ids() == {"b", "m-b"}
    assert (done.ending, done.describe()) == ("forgotten", "forgot 1 of 2 backups")


def test_wherever_it_is_cut_off_what_is_listed_has_its_data(fleet: Fleet) -> None:
    for calls in (0, 1):
        repository = Repository(stored("a", 1), stored("b", 2), calls=calls)
        with pytest.raises(WbError, match="cut off"):
            act(fleet, repository, shown_for(repository))
        listed = find_backups(repository.snapshots)
        assert {backup.id for backup in listed} <= repository.ids()
        assert [backup.id for backup in listed] == (["b", "a"] if not calls else ["b"])


def test_a_backup_that_was_proven_meanwhile_stays(fleet: Fleet) -> None:
    repository = Repository(stored("a", 1), stored("b", 2))
    shown = shown_for(repository)
    tags = (*make_tags("demo", "proof"), "of=a", "verdict=proven")
    repository.snapshots.append(Snapshot("p", "2026-01-01T01:00:00Z", tags))
    act(fleet, repository, shown)
    assert repository.ids() == {"a", "m-a", "b", "m-b", "p"}


def test_a_dry_run_says_what_would_go_and_leaves_all(fleet: Fleet) -> None:
    repository = Repository(stored("a", 1), stored("b", 2))
    planned = act(fleet, repository, shown_for(repository), dry_run=True)
    assert repository.ids() == {"a", "m-a", "b", "m-b"}
    assert planned.describe() == "would forget 1 of 2 backups"
    assert list(planned.list_lines()) == [
        "stays b of 2026-01-01 00:02:00 UTC: the newest",
        "goes  a of 2026-01-01 00:01:00 UTC: no rule keeps it",
    ]


def test_where_nothing_goes_the_repository_is_not_asked(fleet: Fleet) -> None:
    done = act(fleet, cast("Any", None), Plan())
    assert done.ending == done.describe() == "nothing to forget"
