"""An instance with an admin server: its container, and the order of starts and stops."""

import pytest
from support.wb_host import Host

pytestmark = pytest.mark.engine


def test_the_admin_server_starts_before_the_platform_and_stops_after_it(host: Host) -> None:
    id_ = host.prepare(adminVersion="2.0")
    with host.events(id_) as events:
        host.wb("run", id_, WB_ADMIN_IMAGE=host.platform)
    starts = [name for action, name in events if action == "start"]
    assert set(starts[:2]) == {f"{id_}-postgres", f"{id_}-valkey"}
    assert starts[2:] == [f"{id_}-admin", id_]

    admin = host.inspect(f"{id_}-admin")
    assert (admin["Mounts"], admin["NetworkSettings"]["Ports"].get("8001/tcp")) == ([], None)
    assert f"{id_}-admin" in admin["NetworkSettings"]["Networks"][id_]["Aliases"]
    platform = host.inspect(id_)["Config"]["Env"]
    assert {"ADMIN_VERSION=2.0", f"ADMIN_SERVER_HOST=http://{id_}-admin:8001"} <= set(platform)

    with host.events(id_) as events:
        host.wb("stop", id_)
    order = [f"{id_}{end}" for end in ("", "-admin", "-postgres", "-valkey")]
    assert [name for action, name in events if action == "die"] == order
    assert {name for action, name in events if action == "destroy"} == set(order)
    assert host.networks(id_) == []
