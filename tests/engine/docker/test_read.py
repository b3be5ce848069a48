"""The engine's JSON is read. The documents come from an engine and are shortened."""

from typing import Any

import pytest

from wb_cli.contract import Part
from wb_cli.engine.configuration import Configuration
from wb_cli.engine.docker import read
from wb_cli.engine.types import (
    ContainerDetail,
    Health,
    ImageInfo,
    ListedImage,
    Mount,
    ObservedNetwork,
    Port,
    State,
)
from wb_cli.secret import Secret

LISTED: dict[str, Any] = {
    "Id": "c1",
    "Names": ["/other/alias", "/demo"],
    "Image": "wb-platform:0.1.0",
    "ImageID": "sha256:abc",
    "Created": 1_700_000_000,
    "Ports": [
        {"IP": "0.0.0.0", "PrivatePort": 8000, "PublicPort": 9001, "Type": "tcp"},
        {"IP": "0.0.0.0", "PrivatePort": 8000, "PublicPort": 9001, "Type": "tcp"},
        {"IP": "::", "PrivatePort": 8000, "PublicPort": 9001, "Type": "tcp"},
        {"PrivatePort": 9090, "Type": "tcp"},
    ],
    "Labels": {"wb.instance": "demo", "wb.role": "platform"},
    "State": "running",
    "Status": "Up 5 minutes",
    "NetworkSettings": {"Networks": {"demo": {"NetworkID": "n1"}, "none": {"NetworkID": ""}}},
    "Mounts": [
        {"Type": "bind", "Source": "/mnt/demo/sandbox", "RW": True},
        {"Type": "bind", "Source": "/etc/certs", "RW": False},
        {"Type": "tmpfs", "RW": True},
    ],
}
INSPECTED: dict[str, Any] = {
    "Id": "c1",
    "Name": "/demo",
    "RestartCount": 4,
    "State": {
        "Status": "exited",
        "ExitCode": 137,
        "OOMKilled": True,
        "StartedAt": "2026-01-01T00:00:00Z",
        "FinishedAt": "2026-01-01T00:00:07Z",
        "Health": {"Status": "unhealthy"},
    },
    "HostConfig": {"RestartPolicy": {"Name": "always"}, "AutoRemove": True},
    "Config": {"Env": ["PATH=/bin", "A=b=c", "EMPTY=", "ODD"]},
    "NetworkSettings": {"Networks": {"demo": {"IPAddress": "10.213.0.2"}, "x": {}}},
}


def test_a_listed_container_with_our_labels_belongs_to_an_instance() -> None:
    container = read.container(LISTED)
    assert (container.id, container.name, container.instance) == ("c1", "demo", "demo")
    assert container.part is Part.PLATFORM
    assert container.is_running
    assert container.networks == ("n1",)


def test_only_published_ports_are_read_and_each_once() -> None:
    assert read.container(LISTED).ports == (
        Port(8000, 9001, "0.0.0.0"),
        Port(8000, 9001, "::"),
    )


def test_writable_and_read_only_mounts_are_read_apart() -> None:
    assert read.container(LISTED).writes_to == ("/mnt/demo/sandbox",)
    assert read.container(LISTED).reads_from == ("/etc/certs",)


def test_a_container_without_our_labels_has_neither_instance_nor_role() -> None:
    bare = {key: LISTED[key] for key in ("Id", "Image", "ImageID", "Created", "State", "Status")}
    container = read.container({**bare, "Names": None, "Labels": None, "Ports": None})
    assert (container.name, container.instance, container.part) == ("", None, None)
    assert (container.ports, container.writes_to, container.networks) == ((), (), ())


def test_an_unknown_role_is_none() -> None:
    assert read.container({**LISTED, "Labels": {"wb.role": "sidecar"}}).part is None


def test_the_inspection_of_a_container() -> None:
    assert read.detail(INSPECTED) == ContainerDetail(
        id="c1",
        name="demo",
        state=State.EXITED,
        exit_code=137,
        started_at="2026-01-01T00:00:00Z",
        restart_policy="always",
        restart_count=4,
        addresses={"demo": "10.213.0.2", "x": ""},
        health=Health.UNHEALTHY,
        oom_killed=True,
        finished_at="2026-01-01T00:00:07Z",
    )


def test_a_container_without_health_check_network_or_policy() -> None:
    bare = {
        **INSPECTED,
        "State": {
            "Status": "created",
            "ExitCode": 0,
            "StartedAt": "0001-01-01T00:00:00Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "HostConfig": {"RestartPolicy": {"Name": ""}},
        "Config": {"Env": None},
        "NetworkSettings": None,
    }
    detail = read.detail(bare)
    assert (detail.health, detail.restart_policy, detail.addresses) == (Health.NONE, "no", {})
    assert not detail.oom_killed
    assert (detail.started_at, detail.finished_at) == ("", "")


def test_a_listed_network() -> None:
    listed = {
        "Id": "n1",
        "Name": "demo",
        "IPAM": {"Config": [{"Subnet": "10.213.0.0/26"}, {"Gateway": "10.0.0.1"}]},
        "Labels": {"wb.instance": "demo"},
    }
    assert read.network(listed) == ObservedNetwork(
        "n1", "demo", ("10.213.0.0/26",), {"wb.instance": "demo"}
    )
    assert read.network({"Id": "n2", "Name": "host", "IPAM": {"Config": None}}).subnets == ()


def test_the_inspection_of_an_image() -> None:
    inspected = {"Id": "sha256:abc", "RepoDigests": ["a@sha256:d"]}
    assert read.image(inspected) == ImageInfo("sha256:abc", ("a@sha256:d",))


@pytest.mark.parametrize(
    ("labels", "waits"),
    [
        ({read.LABEL_WAITS_FOR_DATABASE: "yes"}, True),
        ({read.LABEL_WAITS_FOR_DATABASE: ""}, False),
        ({"wb.read-only": "/tmp"}, False),
        (None, False),
    ],
)
def test_an_image_says_in_a_label_that_its_program_waits_for_its_database(
    labels: dict[str, str] | None, waits: bool
) -> None:
    image = read.image({"Id": "sha256:abc", "Config": {"Labels": labels}})
    assert image.waits_for_database is waits
    assert read.image({"Id": "sha256:abc", "RepoDigests": None}).digests == ()
    runs = {"Id": "sha256:abc", "Config": {"Entrypoint": ["python", "-m"], "Cmd": ["server"]}}
    assert read.image(runs).command == ("python", "-m", "server")
    assert read.image({"Id": "sha256:abc", "Config": {"Entrypoint": None}}).command == ()


def test_the_folder_at_a_server_s_data_path_is_its_data_folder() -> None:
    mounts = [
        {"Source": "/mnt/demo/sandbox", "Destination": "/app/sandbox", "RW": True},
        {"Source": "/mnt/demo/valkey_data", "Destination": "/data", "RW": True},
    ]
    container = read.container(LISTED | {"Mounts": mounts})
    assert container.data_folder == "/mnt/demo/valkey_data"
    assert read.container(LISTED).data_folder == ""


@pytest.mark.parametrize(
    ("name", "labels", "instance"),
    [
        ("demo-postgres", {"wb.instance": "demo", "wb.role": "postgres"}, "demo"),
        ("demo-postgres-previous", {"wb.instance": "demo", "wb.role": "postgres"}, "demo"),
        ("demo-postgres", {"wb.instance": "demo"}, "demo"),
        ("demo-postgres", {"wb.instance": "demo", "wb.role": "valkey"}, None),
        ("demo-postgres", {"wb.instance": "other", "wb.role": "postgres"}, None),
        ("box", {"wb.instance": "demo", "wb.role": "postgres"}, None),
        ("demo-postgres", {}, None),
    ],
)
def test_a_container_belongs_to_an_instance_by_its_label_and_its_name(
    name: str, labels: dict[str, str], instance: str | None
) -> None:
    """A container that is made from a commit of wb's container inherits the labels."""
    listed = LISTED | {"Names": [f"/{name}"], "Labels": labels}
    assert read.container(listed).instance == instance


def event(action: str, container: str = "c1", **attributes: str) -> dict[str, Any]:
    return {"Action": action, "Actor": {"ID": container, "Attributes": attributes}}


@pytest.mark.parametrize(
    ("events", "is_stopping"),
    [
        ([event("start"), event("kill", signal="15")], True),
        ([event("start"), event("kill", signal="2")], True),
        ([event("start"), event("kill", signal="1")], False),
        ([event("kill", signal="15"), event("die")], True),
        ([event("start"), event("die")], True),
        ([event("kill", signal="15"), event("die"), event("start")], False),
        ([event("kill", signal="15"), event("kill", signal="10")], True),
        ([event("kill", "another", signal="15")], False),
        ([], False),
    ],
)
def test_a_container_is_stopping_from_the_signal_to_its_end(
    events: list[dict[str, Any]], is_stopping: bool
) -> None:
    assert read.container(LISTED, read.stopping(events)).is_stopping is is_stopping


BAD_END, KILL = event("die", exitCode="3"), event("kill", signal="15")


@pytest.mark.parametrize(
    ("events", "has_crashed"),
    [
        ([event("start"), BAD_END], True),
        ([event("start"), BAD_END, event("start")], True),
        ([event("start"), KILL, BAD_END], False),
        ([event("start"), event("kill", signal="1"), BAD_END], True),
        ([event("start"), event("die", exitCode="0")], False),
        ([event("start"), event("die", exitCode="143")], False),
        ([event("start"), BAD_END, event("start"), KILL, BAD_END, event("start")], False),
        ([event("die", "another", exitCode="3")], False),
        ([], False),
    ],
)
def test_a_container_has_crashed_if_it_ended_badly_and_unasked(
    events: list[dict[str, Any]], has_crashed: bool
) -> None:
    assert read.container(LISTED, (), read.crashed(events)).has_crashed is has_crashed


def test_an_unknown_state_counts_as_active() -> None:
    """A newer engine may add a state, and such a container may be running."""
    container = read.container(LISTED | {"State": "hibernating"})
    assert container.state is State.UNKNOWN
    assert container.is_active
    assert not container.is_running


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        ({"Status": "healthy"}, Health.HEALTHY),
        ({"Status": "confused"}, Health.NONE),
        ({}, Health.NONE),
        (None, Health.NONE),
    ],
)
def test_an_unknown_health_is_none(health: dict[str, str] | None, expected: Health) -> None:
    state = INSPECTED["State"] | {"Health": health}
    assert read.detail(INSPECTED | {"State": state}).health is expected


@pytest.mark.parametrize(
    ("log", "is_unbounded"),
    [
        ({"Type": "json-file", "Config": {}}, True),
        ({"Type": "json-file", "Config": None}, True),
        ({"Type": "json-file", "Config": {"max-size": "10m"}}, False),
        ({"Type": "local", "Config": {}}, False),
        ({"Type": "journald", "Config": {}}, False),
        (None, False),
    ],
)
def test_a_log_without_a_limit_is_told(log: dict[str, Any] | None, is_unbounded: bool) -> None:
    inspected = {
        "Id": "1",
        "Name": "/demo",
        "State": {"Status": "running", "ExitCode": 0, "StartedAt": ""},
        "HostConfig": {"RestartPolicy": {"Name": "no"}, "LogConfig": log},
    }
    assert read.detail(inspected).is_log_unbounded is is_unbounded


def test_an_image_of_postgresql_says_its_version() -> None:
    config = {"Env": ["PATH=/bin", "PG_MAJOR=17", "PG_VERSION=17.4-1.pgdg120+1"]}
    found = read.image({"Id": "1", "Config": config})
    assert (found.postgres_version, found.postgres_major) == ("17.4", 17)


@pytest.mark.parametrize(
    ("variables", "major"),
    [(["PG_MAJOR=17"], 17), (["PATH=/bin"], None), (["PG_VERSION=devel"], None)],
)
def test_an_image_may_say_its_major_version_alone_or_nothing(
    variables: list[str], major: int | None
) -> None:
    assert read.image({"Id": "1", "Config": {"Env": variables}}).postgres_major == major


def test_what_a_container_was_made_with_leaves_out_what_its_image_says() -> None:
    image = {"Config": {"Env": ["PATH=/bin", "MODE=a"], "Cmd": ["serve"]}}
    inspected: dict[str, Any] = {
        "Image": "sha256:abc",
        "Config": {
            "Image": "app:1",
            "Env": ["PATH=/bin", "MODE=b", "KEY=a=b", "EMPTY="],
            "Cmd": ["serve"],
        },
        "HostConfig": {
            "PortBindings": {
                "8000/tcp": [{"HostIp": "", "HostPort": "9001"}],
                "8001/tcp": [{"HostIp": "::1", "HostPort": ""}],
                "53/udp": [{"HostIp": "", "HostPort": "53"}],
                "9/tcp": None,
            },
            "Memory": 1024,
            "NanoCpus": 1_500_000_000,
        },
        "Mounts": [
            {"Type": "bind", "Source": "/mnt/demo", "Destination": "/data"},
            {"Type": "volume", "Source": "/var/lib/docker/x", "Destination": "/cache"},
        ],
    }
    made = read.configuration(inspected, image)
    assert made == Configuration(
        "app:1",
        "sha256:abc",
        {"MODE": Secret("b"), "KEY": Secret("a=b"), "EMPTY": Secret("")},
        (),
        (Mount("/mnt/demo", "/data"),),
        ("/cache",),
        (Port(8000, 9001, "0.0.0.0"),),
        1024,
        1.5,
    )
    assert made.find_source("/data") == "/mnt/demo"
    assert made.find_source("/cache") == ""
    inspected["Config"]["Cmd"] = ["serve", "--fast"]
    assert read.configuration(inspected, {}).command == ("serve", "--fast")


def test_quotes_around_a_whole_value_are_no_part_of_it() -> None:
    values = {"A": "'Sierra Leone'", "B": '"x"', "C": "it's", "D": "'", "E": ""}
    made = Configuration("", "", {name: Secret(value) for name, value in values.items()})
    plain = [made.read_plain(name) for name in "ABCDEF"]
    assert plain == ["Sierra Leone", "x", "it's", "'", "", ""]


def test_an_image_without_a_name_is_listed_without_one() -> None:
    listed = {"Id": "1", "RepoTags": ["<none>:<none>"], "Labels": None, "Size": 5, "Created": 7}
    assert read.listed_image(listed) == ListedImage("1", (), {}, 5, 7)
    assert read.listed_image(listed | {"RepoTags": None}).references == ()
