"""wb plan and wb apply on the real engine: what was agreed to is done, and nothing else."""

import json
from pathlib import Path

import pytest
from support.json_answers import check
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine


def plan(host: Host, *words: str) -> Path:
    """Write a plan to a file of its own."""
    file = host.root / f"{words[0]}.plan"
    host.wb("plan", *words, "-o", str(file))
    return file


def test_a_plan_of_a_new_instance_starts_it_and_holds_no_secret(shared_host: Host) -> None:
    id_ = shared_host.declare()
    file = plan(shared_host, id_)
    assert not (shared_host.mount_path / id_).exists()
    shared_host.wb("apply", str(file))
    assert len(shared_host.containers(id_)) == 3
    secrets = [
        path.read_text().strip()
        for path in (shared_host.root / "secrets").rglob(f"{id_}*")
        if path.is_file()
    ]
    assert secrets
    assert not [secret for secret in secrets if secret in file.read_text()]
    shared_host.wb("stop", id_)


def test_a_plan_is_applied_once_and_then_it_is_outdated(shared_host: Host) -> None:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    shared_host.change(id_, label="Mali")
    before = shared_host.ids(id_)
    file = plan(shared_host, id_)
    assert shared_host.ids(id_) == before
    shared_host.wb("apply", str(file))
    after = shared_host.ids(id_)
    assert after["platform"] != before["platform"]
    assert after["postgres"] == before["postgres"]
    refused = shared_host.wb("apply", str(file), exits=ExitCode.DIFFERS)
    assert f"{id_} is not as it was when the plan was made: container {id_}: " in refused.stderr
    assert "`wb plan` makes a new plan" in refused.stderr
    answer = check("apply", shared_host.wb("apply", str(file), "--json", exits=8).stdout)
    assert answer["instances"][0]["error"]["exitCode"] == ExitCode.DIFFERS
    assert shared_host.ids(id_) == after
    shared_host.wb("stop", id_)


def test_a_declaration_that_changed_since_is_refused_and_others_go_on(shared_host: Host) -> None:
    first, second = shared_host.prepare(), shared_host.prepare()
    file = plan(shared_host, first, second)
    shared_host.change(first, label="Mali")
    refused = shared_host.wb("apply", str(file), exits=ExitCode.PARTIAL)
    assert "declaration of platform has changed" in refused.stderr
    assert shared_host.containers(first) == []
    assert len(shared_host.containers(second)) == 3
    shared_host.wb("stop", second)


def test_an_instance_that_is_no_longer_declared_is_named_and_the_others_go_on(
    shared_host: Host,
) -> None:
    gone, other = shared_host.prepare(), shared_host.prepare()
    file, alone = plan(shared_host, gone, other), shared_host.root / "alone.plan"
    shared_host.wb("plan", gone, "-o", str(alone))
    shared_host.forget(gone)
    refused = shared_host.wb("apply", str(file), exits=ExitCode.PARTIAL)
    assert f"{gone} is not as it was" in refused.stderr
    assert len(shared_host.containers(other)) == 3
    answer = check("apply", shared_host.wb("apply", str(alone), "--json", exits=8).stdout)
    assert [ended["id"] for ended in answer["instances"]] == [gone]
    shared_host.wb("stop", other)


def test_a_plan_of_a_restart_replaces_every_container(shared_host: Host) -> None:
    id_ = shared_host.prepare()
    shared_host.wb("run", id_)
    before = shared_host.ids(id_)
    shared_host.wb("apply", str(plan(shared_host, id_, "--restart")))
    after = shared_host.ids(id_)
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    shared_host.wb("stop", id_)


def test_a_planned_restart_leaves_an_instance_alone_that_could_not_start_again(
    shared_host: Host,
) -> None:
    good, bad = shared_host.prepare(), shared_host.prepare()
    shared_host.wb("run", good, bad)
    before = shared_host.ids(bad)
    file = plan(shared_host, good, bad, "--restart")
    assets = shared_host.folder(bad) / "assets"
    assets.rename(assets.with_name("away"))
    done = shared_host.wb("apply", str(file), exits=ExitCode.PARTIAL)
    assert "assets is missing" in done.stderr
    assert shared_host.ids(bad) == before
    assert {container.status for container in shared_host.containers(bad)} == {"running"}
    shared_host.wb("stop", good, bad)


def test_no_file_is_written_where_an_instance_cannot_be_planned(shared_host: Host) -> None:
    good, bad = shared_host.prepare(), shared_host.prepare(image="wb-test/not-there:1")
    file = shared_host.root / "both.plan"
    done = shared_host.wb("plan", good, bad, "-o", str(file), exits=ExitCode.PARTIAL)
    assert f"{file} was not written" in done.stderr
    assert not file.exists()


def test_a_file_that_exists_is_kept_unless_forced(shared_host: Host) -> None:
    id_ = shared_host.prepare()
    file = plan(shared_host, id_)
    before = file.read_bytes()
    refused = shared_host.wb("plan", id_, "-o", str(file), exits=ExitCode.USAGE)
    assert "--force" in refused.stderr
    assert file.read_bytes() == before
    shared_host.wb("plan", id_, "-o", str(file), "--force")


def test_the_answer_as_json_is_that_of_a_dry_run(shared_host: Host) -> None:
    id_ = shared_host.prepare()
    file = shared_host.root / "json.plan"
    told = shared_host.json("plan", id_, "-o", str(file))
    assert told == shared_host.json("run", id_, "--dry-run")
    (kept,) = json.loads(file.read_text())["plans"]
    assert len(kept["steps"]) == len(told["instances"][0]["plan"]["steps"])
