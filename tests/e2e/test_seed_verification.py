"""The plan's verification steps 6 to 11: `wb` commands on the real engine, the real platform.

Steps 1 to 5 stand in tests/server/test_seed_verification.py.
"""

import pytest
from support.registry import LocalRegistry, push
from support.running_platform import Platform

pytestmark = pytest.mark.engine


def started(host, **fields) -> Platform:
    instance = host.prepare(**fields)
    host.wb("run", instance)
    return Platform(host, instance)


def connected_line(platform: Platform) -> str:
    return f"[Valkey] Connected to redis://{platform.instance}-valkey:6379"


def test_step_6_run_starts_three_containers_and_the_platform_finds_valkey(host):
    platform = started(host)
    instance = platform.instance
    names = {container.name for container in host.containers(instance)}
    assert names == {f"{instance}-postgres", f"{instance}-valkey", instance}
    logs = platform.logs()
    assert logs.index("[Valkey] Ready") < logs.index(connected_line(platform))


def test_step_7_pull_fetches_valkey(host, tmp_path, docker_client):
    with LocalRegistry(tmp_path) as registry:
        offered = f"{registry.host}/valkey/valkey:8"
        docker_client.images.get(host.environ["WB_VALKEY_IMAGE"]).tag(offered)
        push(docker_client, offered)
        docker_client.images.remove(offered)
        before = docker_client.images.list("valkey/valkey:8")
        try:
            pulled = host.json(
                "pull",
                "--mirror",
                registry.host,
                exits=3,  # this image registry has none of the other images
                WB_VALKEY_IMAGE="valkey/valkey:8",
                WB_PULL_IMAGES="",
            )
            results = {image["image"]: image["result"] for image in pulled["images"]}
            assert results["valkey/valkey:8"] == "pulled"
            assert docker_client.images.get("valkey/valkey:8")
        finally:
            if not before:
                docker_client.images.remove("valkey/valkey:8")


def test_step_8_stop_removes_valkey_before_the_network(host):
    platform = started(host)
    host.wb("stop", platform.instance)
    assert host.containers(platform.instance) == []
    assert host.networks(platform.instance) == []


@pytest.fixture(scope="module")
def filled(shared_host) -> tuple[Platform, int]:
    """A platform with sample data that was restarted once with an empty cache, and its entries."""
    platform = started(shared_host)
    platform.load_sample()
    shared_host.wb("restart", platform.instance)
    cold = platform.wait_until_warm()
    assert cold["fromDatabase"] > 0
    return platform, cold["entries"]


def test_step_9_restart_warms_from_valkey(shared_host, filled):
    platform, entries = filled

    shared_host.wb("restart", platform.instance)

    assert connected_line(platform) in platform.logs()
    warm = platform.wait_until_warm()
    assert (warm["fromDatabase"], warm["fromL2"]) == (0, entries)


def test_step_10_a_new_deploy_keeps_the_cache(shared_host, filled, docker_client):
    platform, entries = filled
    shared_host.wb("stop", platform.instance)
    newer = f"{platform.instance}-newer:2"
    docker_client.images.get(shared_host.platform).tag(newer)
    try:
        shared_host.change(platform.instance, image=newer, serverVersion="2")
        shared_host.wb("run", platform.instance)
        warm = platform.wait_until_warm()
        assert platform.health()["version"] == "2"
        assert (warm["fromDatabase"], warm["fromL2"]) == (0, entries)
        shared_host.wb("stop", platform.instance)
    finally:
        docker_client.images.remove(newer)


def test_step_11_instances_have_their_own_caches(host):
    one, other = started(host), started(host)
    host.valkey(one.instance, "set", "whose", "mine")
    assert host.valkey(other.instance, "get", "whose") == ""
    networks = {host.networks(instance.instance)[0].id for instance in (one, other)}
    assert len(networks) == 2
    for instance in (one, other):
        mounts = host.inspect(f"{instance.instance}-valkey")["Mounts"]
        assert [m["Source"] for m in mounts] == [
            str(host.folder(instance.instance) / "valkey_data")
        ]
