"""A Spec becomes arguments of the Docker SDK."""

import io
import tarfile
from typing import Any

import docker
import pytest

from wb_cli.contract import Part
from wb_cli.engine.docker.closed_root import LABEL_CLOSED_ROOT, list_written
from wb_cli.engine.docker.render import archive, container_arguments, labels, network_arguments
from wb_cli.engine.types import ContainerSpec, Mount, NetworkSpec, Port, SecretFile
from wb_cli.secret import Secret

SPEC = ContainerSpec(
    instance="demo",
    part=Part.POSTGRES,
    image="postgres:17.4",
    command=("postgres", "-c", "fsync=off"),
    environment={"PGDATA": "/pgdata", "KEY": Secret("sesame")},
    first_environment={"POSTGRES_INITDB_ARGS": "--data-checksums"},
    secret_files=(SecretFile("FILE", "/run/file", Secret("sesame")),),
    mounts=(Mount("/mnt/demo/databases", "/var/lib/postgresql/data"),),
    ports=(Port(5432, 19001, "127.0.0.1"), Port(5432, 19001, "::1")),
    stop_timeout=30,
    memory=2**30,
    cpus=1.5,
    shm_size=2**28,
    labels={"team": "data", "wb.instance": "somebody else"},
)


@pytest.fixture(scope="module")
def api() -> docker.APIClient:
    return docker.APIClient(base_url="unix:///nowhere", version="1.41")


def test_a_container_s_arguments_are_those_of_its_spec(api: docker.APIClient) -> None:
    arguments = container_arguments(api, SPEC, "net-id")
    host = arguments.pop("host_config")
    assert arguments == {
        "image": "postgres:17.4",
        "command": ["postgres", "-c", "fsync=off"],
        "name": "demo-postgres",
        "environment": {
            "FILE": "/run/file",
            "POSTGRES_INITDB_ARGS": "--data-checksums",
            "PGDATA": "/pgdata",
            "KEY": "sesame",
        },
        "labels": {"team": "data", "wb.instance": "demo", "wb.role": "postgres"},
        "ports": [5432, 5432],
        "networking_config": {"EndpointsConfig": {"net-id": {"Aliases": ["demo-postgres"]}}},
        "stop_timeout": 30,
        "use_config_proxy": False,
    }
    assert host["Mounts"] == [
        {
            "Target": "/var/lib/postgresql/data",
            "Source": "/mnt/demo/databases",
            "Type": "bind",
            "ReadOnly": False,
        }
    ]
    assert host["NetworkMode"] == "net-id"
    assert host["RestartPolicy"] == {"Name": "no"}
    assert host["Init"] is True
    assert host["Memory"] == 2**30
    assert host["NanoCpus"] == 1_500_000_000
    assert host["ShmSize"] == 2**28
    assert host["LogConfig"] == {
        "Type": "json-file",
        "Config": {"max-size": "10m", "max-file": "3"},
    }


def test_without_a_command_the_image_s_own_command_runs(api: docker.APIClient) -> None:
    spec = ContainerSpec("demo", Part.PLATFORM, "wb-platform:1")
    arguments = container_arguments(api, spec, "net-id")
    assert arguments["command"] is None
    assert "NanoCpus" not in arguments["host_config"]


@pytest.mark.parametrize("auto_remove", [True, False])
def test_auto_remove_is_passed_to_the_engine(api: docker.APIClient, auto_remove: bool) -> None:
    spec = ContainerSpec("demo", Part.VALKEY, "valkey", auto_remove=auto_remove)
    host = container_arguments(api, spec, "net-id")["host_config"]
    assert host.get("AutoRemove", False) is auto_remove


def test_a_closed_root_leaves_what_is_mounted_and_has_room_for_secret_files(
    api: docker.APIClient,
) -> None:
    written = ("/tmp", "/var/lib/postgresql/data")
    host = container_arguments(api, SPEC, "net-id", written)["host_config"]
    assert host["ReadonlyRootfs"] is True
    assert set(host["Tmpfs"]) == {"/tmp"}
    volume = {"Target": "/run", "Source": None, "Type": "volume", "ReadOnly": False}
    assert {**volume, "VolumeOptions": {"NoCopy": True}} in host["Mounts"]


def test_a_root_stays_open_where_the_image_does_not_name_what_it_writes_to(
    api: docker.APIClient,
) -> None:
    host = container_arguments(api, SPEC, "net-id")["host_config"]
    assert "ReadonlyRootfs" not in host
    assert [mount["Type"] for mount in host["Mounts"]] == ["bind"]


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("/tmp", ("/tmp",)),
        ("/tmp /var/run/postgresql", ("/tmp", "/var/run/postgresql")),
        ("tmp true", ()),
        ("", ()),
    ],
)
def test_an_image_s_label_names_the_folders_that_it_writes_to(
    label: str, written: tuple[str, ...]
) -> None:
    assert list_written({"Config": {"Labels": {LABEL_CLOSED_ROOT: label}}}) == written


@pytest.mark.parametrize("config", [{}, {"Config": None}, {"Config": {"Labels": None}}])
def test_an_image_without_the_label_keeps_its_root(config: dict[str, Any]) -> None:
    assert list_written(config) == ()


def test_a_network_is_a_bridge_with_its_own_subnet() -> None:
    arguments = network_arguments(NetworkSpec("demo", "10.213.0.0/26", {"team": "data"}))
    assert arguments == {
        "name": "demo",
        "driver": "bridge",
        "ipam": {"Driver": "default", "Config": [{"Subnet": "10.213.0.0/26", "IPRange": None,
                 "Gateway": None, "AuxiliaryAddresses": None}]},
        "labels": {"team": "data", "wb.instance": "demo"},
        "check_duplicate": True,
    }  # fmt: skip


def test_the_operator_s_labels_cannot_replace_wbs_labels() -> None:
    assert labels(SPEC)["wb.instance"] == "demo"


def test_only_root_may_open_the_folders_of_a_secret_file() -> None:
    packed = archive(SecretFile("FILE", "/run/wb/deep/password", Secret("sesame äöü")))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        entries = {file.name: (file.isdir(), file.mode, file.uid, file.gid) for file in tar}
        content = tar.extractfile("run/wb/deep/password").read().decode()
    assert entries == {
        "run/wb": (True, 0o700, 0, 0),
        "run/wb/deep": (True, 0o700, 0, 0),
        "run/wb/deep/password": (False, 0o600, 0, 0),
    }
    assert content == "sesame äöü"


def test_in_the_folder_of_secret_files_the_others_are_root_s_too() -> None:
    file = SecretFile("FILE", "/run/wb/deep/password", Secret("sesame"))
    with tarfile.open(fileobj=io.BytesIO(archive(file, file.folder))) as tar:
        entries = {entry.name: (entry.isdir(), entry.mode) for entry in tar}
    assert entries == {"deep": (True, 0o700), "deep/password": (False, 0o600)}
