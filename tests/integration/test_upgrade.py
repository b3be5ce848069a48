"""wb upgrade and wb rollback without backups; `make backup-test` has those with them."""

import json
import signal
from typing import Any

import pytest
from support.json_answers import check
from support.platform_stand_in import Platforms
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine


def platform(host: Host, id_: str) -> tuple[str, str]:
    """The id of the platform's container, and its image."""
    found = host.inspect(id_)
    return found["Id"], found["Config"]["Image"]


def declared(host: Host, id_: str) -> str:
    entries = json.loads(host.servers_file.read_text())
    return str(next(entry["image"] for entry in entries if entry["id"] == id_))


def upgrade(host: Host, id_: str, to: str, *words: str, exits: int = 0) -> Any:
    done = host.wb("upgrade", id_, "--to", to, "--no-backup", *words, "--json", exits=exits)
    (ended,) = check("upgrade", done.stdout)["instances"]
    return ended


def test_only_the_platform_is_replaced_and_the_way_back_is_the_same(
    shared_host: Host, platforms: Platforms
) -> None:
    host, id_, first = shared_host, shared_host.prepare(), platforms("healthy")
    host.wb("run", id_)
    others = {part: each for part, each in host.ids(id_).items() if part != "platform"}
    assert upgrade(host, id_, "healthy-again", "--dry-run")["result"] == "planned"
    assert upgrade(host, id_, "healthy-again")["result"] == "upgraded"
    assert platform(host, id_)[1] == declared(host, id_) == f"{first}-again"
    assert upgrade(host, id_, "healthy-again")["result"] == "is that version"
    assert host.wb("rollback", id_, "--dry-run").stdout.count("would be switched")
    done = host.wb("rollback", id_, "--yes", "--json")
    assert check("rollback", done.stdout)["instances"][0]["result"] == "rolled back"
    assert platform(host, id_)[1] == declared(host, id_) == first
    assert {part: each for part, each in host.ids(id_).items() if part != "platform"} == others
    assert host.wb("repair", id_).stdout == f"{id_}: nothing to repair\n"
    *_, last, _ = host.json("history", id_)["commands"]
    assert (last["command"].split()[1], last["result"]) == ("rollback", "rolled back")


def test_a_version_that_ends_at_its_start_goes_back_and_is_left_alone_from_then_on(
    shared_host: Host, platforms: Platforms
) -> None:
    host, id_ = shared_host, shared_host.prepare()
    platforms("exits")
    host.wb("run", id_)
    before = platform(host, id_)
    assert upgrade(host, id_, "exits", exits=ExitCode.FAILURE)["result"] == "failed"
    assert platform(host, id_) == before
    assert declared(host, id_) == before[1]
    assert upgrade(host, id_, "exits", exits=ExitCode.PARTIAL)["result"] == "fatal before"
    table = host.wb("upgrade", id_, "--status").stdout
    assert "fatal" in table
    refused = host.wb("rollback", id_, "--yes", exits=ExitCode.USAGE).stderr.replace("\n", " ")
    assert "is fatal already" in refused
    missing = host.wb(
        "upgrade", id_, "--to", "none", "--no-backup", "--dry-run", exits=ExitCode.FAILURE
    )
    assert "not on this engine" in missing.stderr


def test_the_way_back_leads_to_what_ran_and_not_to_what_was_declared_and_never_ran(
    shared_host: Host, platforms: Platforms
) -> None:
    host, id_, first = shared_host, shared_host.prepare(), platforms("healthy")
    host.wb("run", id_)
    never_ran, last = platforms("mortal"), platforms("newer")
    named = host.client.images.get(never_ran).id
    host.wb("config", "set", id_, f"image={never_ran}")
    assert upgrade(host, id_, last, "--dry-run")["before"]["image"] == first
    assert upgrade(host, id_, last)["result"] == "upgraded"
    host.wb("rollback", id_, "--yes")
    assert platform(host, id_)[1] == declared(host, id_) == first
    assert host.client.images.get(never_ran).id == named, "its name was given to another image"


def test_what_was_declared_comes_back_where_an_upgrade_fails(
    shared_host: Host, platforms: Platforms
) -> None:
    host, id_, first = shared_host, shared_host.prepare(), platforms("healthy")
    host.wb("run", id_)
    never_ran = platforms("newer")
    host.wb("config", "set", id_, f"image={never_ran}")
    upgrade(host, id_, platforms("exits"), exits=ExitCode.FAILURE)
    assert (platform(host, id_)[1], declared(host, id_)) == (first, never_ran)


def test_a_rollback_does_not_pass_over_a_version_that_came_otherwise(
    shared_host: Host, platforms: Platforms
) -> None:
    host, id_, later = shared_host, shared_host.prepare(), platforms("newer")
    host.wb("run", id_)
    upgrade(host, id_, "healthy-again")
    host.wb("config", "set", id_, f"image={later}")
    host.wb("run", id_)
    for words in (["--dry-run"], ["--yes"]):
        refused = host.wb("rollback", id_, *words, exits=ExitCode.USAGE).stderr.replace("\n", " ")
        assert f"{id_} runs {later} now" in refused
        assert "--to" in refused
    assert platform(host, id_)[1] == declared(host, id_) == later


def test_an_upgrade_without_a_version_or_a_canary_among_the_chosen_is_refused(
    shared_host: Host,
) -> None:
    host, id_ = shared_host, shared_host.prepare()
    assert "--to is missing" in host.wb("upgrade", id_, exits=ExitCode.USAGE).stderr
    host.declare(tags=["canary"])
    words = ("upgrade", id_, "--to", "1", "--no-backup", "--canary", "@canary")
    assert "none of the chosen" in host.wb(*words, exits=ExitCode.USAGE).stderr


def test_a_version_that_would_be_the_same_image_is_refused_and_nothing_is_replaced(
    shared_host: Host, platforms: Platforms
) -> None:
    host, id_, image = shared_host, shared_host.prepare(), platforms("healthy")
    host.change(id_, image=None)
    host.wb("run", id_, WB_PLATFORM_IMAGE=image)
    before = platform(host, id_)
    for more in (["--dry-run"], ["--no-backup"], ["--rehearse"]):
        words = ("upgrade", id_, "--to", "healthy-again", *more)
        said = host.wb(*words, WB_PLATFORM_IMAGE=image, exits=ExitCode.USAGE).stderr
        assert f"--to {image}-again" in said
    assert platform(host, id_) == before
    template = f"{image.rpartition(':')[0]}:{{version}}"
    words = ("upgrade", id_, "--to", "healthy-again", "--no-backup")
    host.wb(*words, WB_PLATFORM_IMAGE=template)
    assert platform(host, id_)[1] == f"{image}-again"
    host.wb("rollback", id_, "--yes", WB_PLATFORM_IMAGE=f"{image}-{{version}}")
    assert platform(host, id_)[1] == declared(host, id_) == image


def test_what_ran_is_known_though_its_name_denotes_another_image_by_now(
    shared_host: Host, platforms: Platforms
) -> None:
    host, id_, client = shared_host, shared_host.prepare(), shared_host.client
    repository = platforms("healthy").rpartition(":")[0]
    client.images.get(platforms("healthy")).tag(repository, "moves")
    host.change(id_, image=f"{repository}:moves")
    host.wb("run", id_)
    ran = host.inspect(id_)["Image"]
    client.images.get(platforms("mortal")).tag(repository, "moves")
    host.change(id_, image=platforms("mortal"))  # it never runs
    assert upgrade(host, id_, platforms("newer"))["before"]["image"] == f"{repository}:moves"
    host.wb("rollback", id_, "--yes")
    assert host.inspect(id_)["Image"] == ran
    assert client.images.get(platforms("mortal")).id != ran
    client.images.remove(f"{repository}:moves", force=True)


def test_a_signal_in_a_soak_says_of_all_where_they_stand(
    shared_host: Host, platforms: Platforms
) -> None:
    host, ids = shared_host, [shared_host.prepare() for _ in range(2)]
    platforms("healthy")
    host.wb("run", *ids)
    words = ("upgrade", *ids, "--to", "healthy-again", "--no-backup", "--json", "--no-judge")
    with host.started(*words, "--parallel", "1", "--soak", "60s") as process:
        assert process.stderr
        talk = next(line for line in process.stderr if "soaking" in line)
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=60)
    assert talk == "rollout: soaking, for 60s\n"
    answer = check("upgrade", told)["error"]
    assert answer["exitCode"] == ExitCode.TERMINATED
    assert {each["result"] for each in answer["instances"]} == {"ready before", "not begun"}
    assert {each["id"] for each in answer["instances"]} == set(ids)
