"""wb upgrade --rehearse on a real engine: what it names, what it leaves alone, and what is left."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from backup.faulty_platform import OTHER_VERSIONS, choose_fault
from backup.site import Site
from support.fixtures.doctored import Doctored
from support.json_answers import check
from support.platform_stand_in import Platforms
from support.running_platform import Platform
from support.services import PLATFORM_IMAGE

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup


class Sample(NamedTuple):
    """A running instance with sample data, and the id of its backup."""

    id: str
    backup: str
    platform: Platform


@pytest.fixture(scope="module")
def sample(shared_site: Site) -> Sample:
    """An instance that is backed up with its sample data."""
    id_ = shared_site.prepare(image=PLATFORM_IMAGE)
    shared_site.wb("run", id_)
    platform = Platform(shared_site, id_)
    platform.load_sample("--projects", "2", "--objects", "60", "--rows", "2000", "--seed", "7")
    return Sample(id_, shared_site.back_up(id_), platform)


def rehearse(site: Site, id_: str, to: str, *words: str, exits: int = 0) -> dict[str, Any]:
    done = site.wb("upgrade", id_, "--to", to, "--rehearse", "--json", *words, exits=exits)
    (ended,) = check("upgrade", done.stdout)["instances"]
    assert site.list_copies() == []
    assert site.tasks() == []
    return dict(ended)


def test_the_same_version_gives_no_difference_and_the_instance_is_not_touched(
    shared_site: Site, sample: Sample
) -> None:
    before = shared_site.state(sample.id)
    found = rehearse(shared_site, sample.id, PLATFORM_IMAGE)
    assert (found["result"], found["backup"]) == ("nothing differs", sample.backup)
    assert found["compared"] > 100
    assert (found["differing"], found["groups"], found["unanswered"]) == (0, [], [])
    assert shared_site.state(sample.id) == before


def test_one_wrong_figure_is_named_and_nothing_else(
    shared_site: Site, sample: Sample, doctored: Doctored, tmp_path: Path
) -> None:
    fault = choose_fault(sample.platform)
    wrong = doctored(PLATFORM_IMAGE, "wrong", fault.render())
    page = tmp_path / "figures.html"
    words = ("--page", str(page))
    found = rehearse(shared_site, sample.id, wrong, *words, exits=ExitCode.DIFFERS)
    assert (found["result"], found["differing"], found["differences"]) == ("differs", 1, 1)
    assert found["otherVersions"] == 0, "the data is the same; only what is made of it differs"
    ((group,), (shown,)) = found["groups"], found["groups"][0]["shown"]
    assert (group["cause"], group["count"]) == ("another figure", 1)
    assert group["field"] == f"items[].{fault.field}"
    assert f"({fault.object}), items" in shown["result"]
    assert shown["path"] == f"items[{fault.row}].{fault.field}"
    assert json.loads(shown["old"]) == fault.old
    assert json.loads(shown["new"]) == fault.old + fault.by
    text = page.read_text()
    assert fault.object in text
    assert shown["new"] in text
    said = shared_site.wb("upgrade", sample.id, "--to", wrong, "--rehearse", exits=8)
    assert f"items[{fault.row}].{fault.field}" in said.stdout


def test_results_whose_data_has_another_version_are_counted_and_do_not_differ(
    shared_site: Site, sample: Sample, doctored: Doctored
) -> None:
    other = doctored(PLATFORM_IMAGE, "other-versions", OTHER_VERSIONS)
    found = rehearse(shared_site, sample.id, other)
    assert (found["result"], found["differing"]) == ("nothing differs", 0)
    assert found["otherVersions"] == 60, "the details of each object, and nothing else"


def test_a_version_that_cannot_be_asked_is_never_called_the_same(
    shared_site: Site, sample: Sample, platforms: Platforms
) -> None:
    found = rehearse(shared_site, sample.id, platforms("exits"), exits=ExitCode.FAILURE)
    assert found["result"] == "failed"
    assert "could not be compared" in found["error"]["message"]
    foreign = shared_site.start()
    shared_site.back_up(foreign)
    found = rehearse(shared_site, foreign, PLATFORM_IMAGE, exits=ExitCode.FAILURE)
    assert "could not be compared" in found["error"]["message"]
    assert "no Python" in found["error"]["message"]


def test_it_stays_within_its_memory_and_its_disk(shared_site: Site, sample: Sample) -> None:
    words = ("--memory", "48m")
    found = rehearse(shared_site, sample.id, PLATFORM_IMAGE, *words, exits=ExitCode.FAILURE)
    assert "could not be compared" in found["error"]["message"]
    words = ("--disk", "6m")
    found = rehearse(shared_site, sample.id, PLATFORM_IMAGE, *words, exits=ExitCode.FAILURE)
    assert "may take 6.0 MiB" in found["error"]["message"]


def test_a_proven_backup_is_taken_before_a_newer_one(shared_site: Site, sample: Sample) -> None:
    words = ("upgrade", sample.id, "--to", PLATFORM_IMAGE, "--rehearse")
    assert "no backup of it is proven" in shared_site.wb(*words).stderr
    shared_site.wb("backup", "prove", sample.id, "--at", sample.backup)
    shared_site.back_up(sample.id)
    found = rehearse(shared_site, sample.id, PLATFORM_IMAGE)
    assert (found["backup"], found["isProven"]) == (sample.backup, True)


def test_options_that_do_not_go_together_are_refused(shared_site: Site, sample: Sample) -> None:
    words = ("upgrade", sample.id, "--to", PLATFORM_IMAGE)
    for more in (("--page", "a.html"), ("--rehearse", "--dry-run"), ("--rehearse", "--status")):
        shared_site.wb(*words, *more, exits=ExitCode.USAGE)
    no_folder = ("--rehearse", "--page", "/no/such/folder/a.html")
    shared_site.wb(*words, *no_folder, exits=ExitCode.USAGE)
