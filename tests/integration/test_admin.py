"""An instance with an admin server: its container, and the order of starts and stops."""

import time

import pytest
from wb_host import Host

pytestmark = pytest.mark.engine


def actions_of(host: Host, id_: str, since: float, *actions: str) -> list[tuple[str, str]]:
    """What the engine did to an instance's containers, in its own order."""
    events = host.client.events(
        since=int(since), until=int(time.time()) + 1, decode=True, filters={"type": ["container"]}
    )
    found = [(each["Action"], each["Actor"]["Attributes"]) for each in events]
    return [
        (action, attributes["name"].removeprefix(id_))
        for action, attributes in found
        if attributes.get("wb.instance") == id_ and action in actions
    ]


def test_the_admin_server_comes_before_the_platform_and_goes_after_it(host: Host) -> None:
    id_ = host.prepare(adminVersion="2.0")
    since = time.time()
    host.wb("run", id_, WB_ADMIN_IMAGE=host.platform)
    starts = [name for _, name in actions_of(host, id_, since, "start")]
    assert set(starts[:2]) == {"-postgres", "-valkey"}
    assert starts[2:] == ["-admin", ""]

    admin = host.inspect(f"{id_}-admin")
    assert (admin["Mounts"], admin["NetworkSettings"]["Ports"].get("8001/tcp")) == ([], None)
    assert f"{id_}-admin" in admin["NetworkSettings"]["Networks"][id_]["Aliases"]
    platform = host.inspect(id_)["Config"]["Env"]
    assert {"ADMIN_VERSION=2.0", f"ADMIN_SERVER_HOST=http://{id_}-admin:8001"} <= set(platform)

    since = time.time()
    host.wb("stop", id_)
    assert actions_of(host, id_, since, "die", "destroy") == [
        (action, name)
        for name in ("", "-admin", "-postgres", "-valkey")
        for action in ("die", "destroy")
    ]
    assert host.networks(id_) == []
