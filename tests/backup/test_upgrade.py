"""wb upgrade and wb rollback on a real engine: what changes, what comes back, what is left."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import pytest
from backup.site import Site
from support.json_answers import check
from support.platform_stand_in import Platforms
from support.services import VALKEY_IMAGE

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

CHECKED = r'LABEL wb.check="echo \$PG_HOST; exit 3"'


@pytest.fixture(scope="module")
def version(platforms: Platforms) -> str:
    """The repository of the platforms, whose tags are the versions."""
    return platforms("healthy").rpartition(":")[0]


@pytest.fixture
def labelled(
    platforms: Platforms, docker_client: docker.DockerClient, tmp_path: Path
) -> Iterator[Any]:
    """Makes a platform that is another image, with labels."""
    made: list[str] = []

    def make(tag: str, *lines: str, mode: str = "newer") -> str:
        reference = f"{platforms(mode).rpartition(':')[0]}:{tag}"
        recipe = tmp_path / tag
        recipe.mkdir()
        text = "\n".join([f"FROM {platforms(mode)}", f"LABEL made={tmp_path.name}-{tag}", *lines])
        (recipe / "Dockerfile").write_text(text)
        docker_client.images.build(path=str(recipe), tag=reference, rm=True)
        made.append(reference)
        return reference

    yield make
    for reference in made:
        docker_client.images.remove(reference, force=True)


def platform(site: Site, id_: str) -> tuple[str, str]:
    """The id of the platform's container, and its image."""
    found = site.inspect(id_)
    return found["Id"], found["Config"]["Image"]


def declared(site: Site, id_: str) -> dict[str, Any]:
    entries = json.loads(site.servers_file.read_text())
    return next(entry for entry in entries if entry["id"] == id_)


def others(site: Site, id_: str) -> dict[str, str]:
    return {part: id_ for part, id_ in site.ids(id_).items() if part != "platform"}


def test_an_upgrade_backs_up_and_replaces_the_platform_alone_and_is_taken_back(
    site: Site, version: str, labelled: Any
) -> None:
    id_ = site.start()
    labelled("1.7.0")
    kept, (_, old) = others(site, id_), platform(site, id_)
    assert site.wb("upgrade", id_, "--to", "1.7.0", "--dry-run").stdout.count("would be switched")
    assert platform(site, id_)[1] == old
    done = site.wb("upgrade", id_, "--to", "1.7.0", "--json")
    (ended,) = check("upgrade", done.stdout)["instances"]
    assert (ended["result"], ended["backup"]) == ("upgraded", site.backups()[0])
    assert ended["awaySeconds"] > 0
    assert platform(site, id_)[1] == f"{version}:1.7.0"
    assert others(site, id_) == kept
    assert (declared(site, id_)["serverVersion"], declared(site, id_)["image"]) == (
        "1.7.0",
        f"{version}:1.7.0",
    )
    (again,) = site.json("upgrade", id_, "--to", "1.7.0")["instances"]
    assert again["result"] == "is that version"
    (back,) = check("rollback", site.wb("rollback", id_, "--yes", "--json").stdout)["instances"]
    assert back["result"] == "rolled back"
    assert platform(site, id_)[1] == old
    assert others(site, id_) == kept
    done = site.wb("upgrade", id_, "--status", "--json")
    (standing,) = check("upgrade", done.stdout)["instances"]
    assert standing["last"]["state"] == "rolled back"
    assert site.wb("rollback", id_, "--yes", exits=ExitCode.USAGE).stderr.count("no upgrade")


@pytest.mark.parametrize("mode", ["exits", "never-ready"])
def test_a_version_that_does_not_become_healthy_goes_back_and_is_fatal_until_retry(
    site: Site, version: str, labelled: Any, mode: str
) -> None:
    id_ = site.start()
    labelled("bad", mode=mode)
    container, old = platform(site, id_)
    words = ("upgrade", id_, "--to", "bad", "--no-backup", "--timeout", "5")
    failed = site.wb(*words, exits=ExitCode.FAILURE)
    assert "left running" not in failed.stderr
    assert platform(site, id_) == (container, old), "the very container from before"
    assert site.inspect(id_)["State"]["Running"]
    assert declared(site, id_)["image"] == old
    assert "stand-in: " in site.wb("logs", id_, "--failed").stdout
    (left,) = site.json(*words, exits=ExitCode.PARTIAL)["instances"]
    assert left["result"] == "fatal before"
    assert site.wb("upgrade", id_, "--status").stdout.count("fatal")
    assert site.ran(*words, "--retry").returncode == failed.returncode
    # The cause is gone: another image has that name now.
    site.client.images.get(labelled("well")).tag(version, "bad")
    (ended,) = site.json(*words)["instances"]
    assert ended["result"] == "upgraded"


def test_the_check_of_an_image_runs_before_anything_stops(site: Site, labelled: Any) -> None:
    id_ = site.start()
    labelled("checked", CHECKED)
    container, old = platform(site, id_)
    done = site.wb("upgrade", id_, "--to", "checked", "--no-backup", exits=ExitCode.FAILURE)
    assert f"failed with code 3: {id_}-postgres" in done.stderr
    assert platform(site, id_) == (container, old)
    assert declared(site, id_)["image"] == old
    assert not site.tasks()
    slow = {"WB_PLATFORM_CHECK": "sleep 60"}
    words = ("upgrade", id_, "--to", "checked", "--no-backup", "--check-within", "1")
    assert "did not end within 1 s" in site.under(slow).wb(*words, exits=ExitCode.FAILURE).stderr
    passes = {"WB_PLATFORM_CHECK": "true"}
    assert site.under(passes).json(*words)["instances"][0]["result"] == "upgraded"


def test_a_version_that_changes_the_database_goes_back_with_the_database(
    site: Site, labelled: Any
) -> None:
    id_ = site.start()
    labelled("migrates", 'LABEL wb.changes-database="yes"')
    site.wb("upgrade", id_, "--to", "migrates")
    site.sql(id_, "delete from kept")
    done = site.wb("rollback", id_, "--yes")
    assert site.count(id_) == "1000"
    assert site.json("status", id_)["instances"]
    assert f"`wb restore {id_} --accept` removes it" in done.stderr


def test_a_name_that_denotes_another_image_now_is_given_back_to_the_one_from_before(
    site: Site, version: str, labelled: Any
) -> None:
    moving = labelled("moving")
    id_ = site.start(image=moving)
    before = site.inspect(id_)["Image"]
    labelled("next")
    site.wb("upgrade", id_, "--to", "next", "--no-backup")
    site.client.images.get(VALKEY_IMAGE).tag(version, "moving")
    done = site.wb("rollback", id_, "--yes")
    assert "names the image from before again" in done.stderr
    assert site.inspect(id_)["Image"] == before


def test_a_rollout_begins_with_the_canaries_and_stops_by_itself_and_goes_on(
    site: Site, labelled: Any
) -> None:
    canary = site.start(tags=["canary"])
    late = site.start(deployHours="00:00-00:01", timezone=far_from_midnight())
    rest = [site.start(tags=["rest"]) for _ in range(2)]
    labelled("broken", mode="exits")
    chosen = (canary, *rest, late)
    words = ("upgrade", *chosen, "--to", "broken", "--no-backup", "--canary", "@canary")
    answer = site.json(*words, "--parallel", "1", exits=ExitCode.FAILURE)
    assert [each["id"] for each in answer["instances"]] == [canary]
    assert "3 were not begun" in answer["stopped"]
    labelled("good")
    words = ("upgrade", *chosen, "--to", "good", "--no-backup", "--canary", "@canary")
    answer = site.json(*words, "--soak", "2", exits=ExitCode.PARTIAL)
    results = {each["id"]: each["result"] for each in answer["instances"]}
    assert results == {canary: "upgraded", late: "waits for its hours"} | dict.fromkeys(
        rest, "upgraded"
    )
    answer = site.json(*words, "--any-hour")
    results = {each["id"]: each["result"] for each in answer["instances"]}
    assert results.pop(late) == "upgraded"
    assert set(results.values()) == {"is that version"}


def far_from_midnight() -> str:
    """A time zone in which it is not midnight now."""
    hours = datetime.now(UTC).hour
    return "Etc/UTC" if 2 <= hours <= 21 else "Etc/GMT+8"


def test_an_instance_without_a_backup_is_not_upgraded(site: Site, labelled: Any) -> None:
    id_ = site.start()
    labelled("fine")
    container, old = platform(site, id_)
    nowhere = {"WB_BACKUP_REPOSITORY": "sftp:nobody@127.0.0.1:/none", "WB_BACKUP_KEY": "k"}
    words = ("upgrade", id_, "--to", "fine")
    assert site.under(nowhere).ran(*words).returncode
    assert platform(site, id_) == (container, old)
    assert declared(site, id_)["image"] == old


def test_a_way_back_that_fails_leaves_the_newer_version_running_and_declared(
    site: Site, platforms: Platforms, labelled: Any
) -> None:
    id_ = site.start(image=platforms("mortal"))
    newer = labelled("9.9")
    site.wb("upgrade", id_, "--to", "9.9", "--no-backup")
    (site.folder(id_) / "sandbox" / "die").touch()
    before = platform(site, id_)
    site.wb("rollback", id_, "--yes", exits=ExitCode.FAILURE)
    assert platform(site, id_) == before
    assert site.inspect(id_)["State"]["Running"]
    assert declared(site, id_)["image"] == newer
    (site.folder(id_) / "sandbox" / "die").unlink()
    site.wb("rollback", id_, "--yes")
    assert declared(site, id_)["image"] == platforms("mortal")


def test_a_stopped_instance_is_only_declared(site: Site, version: str, labelled: Any) -> None:
    id_ = site.start()
    labelled("1.8.0")
    site.wb("stop", id_)
    (ended,) = site.json("upgrade", id_, "--to", "1.8.0")["instances"]
    assert ended["result"] == "declared"
    assert not site.containers(id_)
    site.wb("run", id_)
    assert platform(site, id_)[1] == f"{version}:1.8.0"
