"""`wb run all` names what the machine has no room for, leaves it out, and starts the others."""

import json

import pytest
from support.wb_host import SUBNET_POOL, Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.long]

# The range has room for two networks.
TWO = {"WB_SUBNET_POOL": SUBNET_POOL.replace("0/24", "0/28"), "WB_SUBNET_PREFIX": "29"}


@pytest.fixture
def three(host: Host) -> tuple[str, str, str]:
    """Three instances. The last one has the highest priority."""
    names = [host.prepare(id=f"t{letter}-{host.root.name[-20:-2].strip('-_')}".replace("_", "-"))
             for letter in "ab"]  # fmt: skip
    first = host.prepare(id=names[0].replace("ta-", "tz-", 1), priority=5)
    return names[0], names[1], first


def test_the_first_by_priority_get_the_room_and_the_rest_is_named(
    host: Host, three: tuple[str, str, str]
) -> None:
    early, late, important = three
    shown: dict[str, object] = {"exits": ExitCode.PARTIAL, **TWO}
    answer = host.json("run", "all", "--dry-run", **shown)  # type: ignore[arg-type]
    assert [ended["id"] for ended in answer["instances"]] == [important, early, late]
    done = host.wb("run", "all", **shown)  # type: ignore[arg-type]
    assert f"error: {late} was left as it is: no subnet is left for its network" in done.stderr
    assert f"`wb run {late} --force`" in done.stderr
    assert (len(host.containers(important)), len(host.containers(early))) == (3, 3)
    assert host.containers(late) == []
    again = json.loads(host.ran("run", "all", "--json", **TWO).stdout)["instances"]
    assert [ended["result"] for ended in again] == ["unchanged", "unchanged", "failed"]
    host.wb("run", "all", "--force")
    assert len(host.containers(late)) == 3
