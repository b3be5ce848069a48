"""wb upgrade --rehearse of ten instances, one after another."""

import json
from typing import Any, NamedTuple

import pytest
from backup.faulty_platform import Fault, choose_fault
from backup.site import Site
from support.fixtures.doctored import Doctored
from support.json_answers import check
from support.running_platform import Platform
from support.services import PLATFORM_IMAGE

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

COUNT, WITHIN_S = 10, 1200


class Fleet(NamedTuple):
    """Ten instances, each with data of its own and a backup, and a figure that all of them have."""

    ids: list[str]
    figure: Fault


@pytest.fixture(scope="module")
def fleet(shared_site: Site) -> Fleet:
    """The instances, stopped: a rehearsal needs none to run."""
    ids = [shared_site.prepare(image=PLATFORM_IMAGE) for _ in range(COUNT)]
    act_on_all(shared_site, "run")
    platforms = [Platform(shared_site, id_) for id_ in ids]
    for number, platform in enumerate(platforms):
        rows = str(1000 + 100 * number)
        platform.load_sample("--objects", "10", "--rows", rows, "--seed", "7")
    figure = choose_fault(platforms[0])
    act_on_all(shared_site, "backup")
    act_on_all(shared_site, "stop")
    return Fleet(ids, figure)


def act_on_all(site: Site, verb: str, *words: str, exits: int = 0) -> str:
    """Run a command on all instances, which may take longer than one on a single one."""
    with site.started(verb, "all", *words) as process:
        answer, talk = process.communicate(timeout=WITHIN_S)
    assert process.returncode == exits, talk
    return str(answer)


def rehearse_all(site: Site, to: str, exits: int) -> list[dict[str, Any]]:
    answer = act_on_all(site, "upgrade", "--to", to, "--rehearse", "--json", exits=exits)
    assert (site.list_copies(), site.tasks()) == ([], [])
    return list(check("upgrade", answer)["instances"])


def test_a_release_without_change_differs_on_none_of_ten(shared_site: Site, fleet: Fleet) -> None:
    found = rehearse_all(shared_site, PLATFORM_IMAGE, ExitCode.OK)
    assert [each["id"] for each in found] == sorted(fleet.ids)
    assert {each["result"] for each in found} == {"nothing differs"}
    assert all(each["compared"] > COUNT for each in found)


def test_one_wrong_figure_is_named_on_each_of_ten(
    shared_site: Site, fleet: Fleet, doctored: Doctored
) -> None:
    wrong = doctored(PLATFORM_IMAGE, "wrong-on-all", fleet.figure._replace(row=0).render())
    found = rehearse_all(shared_site, wrong, ExitCode.DIFFERS)
    assert sorted(each["id"] for each in found) == sorted(fleet.ids)
    for each in found:
        assert (each["differing"], each["differences"]) == (1, 1)
        (shown,) = each["groups"][0]["shown"]
        assert f"({fleet.figure.object}), items" in shown["result"]
        assert json.loads(shown["new"]) - json.loads(shown["old"]) == pytest.approx(fleet.figure.by)
