"""What becomes of an upgrade whose wb was killed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.engine.types import LABEL_INSTANCE, LABEL_ROLE, Observed, ObservedContainer, State
from wb_cli.lifecycle.options import RunOptions, Verb
from wb_cli.upgrade.attempts import Attempt, Attempts
from wb_cli.upgrade.attempts import State as Became
from wb_cli.upgrade.settling import settle_upgrade
from wb_cli.upgrade.target import Version

OLD, NEW = (Version(f"1.{n}", "", f"platform:1.{n}", f"sha256:{n}") for n in (6, 7))
ENTRY = {"id": "demo", "serverVersion": "1.7"}


def platform(version: Version, state: State = State.RUNNING) -> ObservedContainer:
    labels = {LABEL_INSTANCE: "demo", LABEL_ROLE: Part.PLATFORM}
    return ObservedContainer("id", "demo", state, "", version.reference, version.id, labels=labels)


class Place:
    """A registry file with one entry, and an upgrade that was cut off."""

    def __init__(self, folder: Path, attempt: Attempt, *containers: ObservedContainer) -> None:
        file = folder / "servers.json"
        engine = SimpleNamespace(observe=lambda: Observed(containers, ()))
        self.fleet: Any = SimpleNamespace(
            settings=SimpleNamespace(servers_file=file), engine=engine
        )
        self.attempts = Attempts(file, "demo")
        self.attempts.begin(attempt)
        self.entry: dict[str, Any] = dict(ENTRY)
        self.said: list[str] = []

    def declare(self, change: Any) -> None:
        self.entry = change(self.entry)

    def settle(self, *, dry_run: bool = False) -> bool:
        options = RunOptions(Verb.RUN, tell=self.said.append, dry_run=dry_run)
        return settle_upgrade(self.fleet, "demo", options, self.declare)


CUT_OFF = Attempt(OLD, NEW, "2026-01-01T00:00:00Z")


def test_it_is_finished_if_the_new_version_runs(tmp_path: Path) -> None:
    place = Place(tmp_path, CUT_OFF, platform(NEW))
    assert place.settle()
    assert place.entry["serverVersion"] == "1.7"
    assert place.attempts.read()[-1].state is Became.UPGRADED
    assert "it was finished" in place.said[0]
    assert not place.settle()


@pytest.mark.parametrize(
    "containers",
    [(platform(OLD),), (platform(NEW, State.EXITED),), ()],
    ids=["the old one runs", "the new one ended", "none is there"],
)
def test_it_is_undone_if_the_new_version_does_not_run(
    tmp_path: Path, containers: tuple[ObservedContainer, ...]
) -> None:
    place = Place(tmp_path, CUT_OFF, *containers)
    assert place.settle()
    assert place.entry["serverVersion"] == "1.6"
    assert place.attempts.read()[-1].state is Became.CUT_OFF
    assert "it was undone" in place.said[0]


def test_two_versions_of_one_image_are_told_apart_by_its_name(tmp_path: Path) -> None:
    same = replace(NEW, id=OLD.id)
    attempt = Attempt(OLD, same, CUT_OFF.began)
    assert Place(tmp_path / "a", attempt, platform(OLD)).settle()
    old, new = (
        Place(tmp_path / name, attempt, platform(each))
        for name, each in (("old", OLD), ("new", same))
    )
    old.settle()
    new.settle()
    assert (old.entry["serverVersion"], new.entry["serverVersion"]) == ("1.6", "1.7")


def test_a_dry_run_only_says_it(tmp_path: Path) -> None:
    place = Place(tmp_path, CUT_OFF, platform(OLD))
    assert not place.settle(dry_run=True)
    assert place.said == ["an upgrade to 1.7 was cut off; it would be undone"]
    assert place.entry == ENTRY
    assert place.attempts.read() == [CUT_OFF]
