"""wb remove-dirs on the real engine and real folders."""

import docker
import pytest
from support.labels import RUN_LABEL
from support.services import VALKEY_IMAGE
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine


def test_the_data_goes_only_when_the_instance_is_stopped_and_then_it_starts_empty(
    host: Host,
) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    host.sql(id_, "CREATE TABLE kept AS SELECT 42 AS n")
    said = host.wb("remove-dirs", id_, "--yes", exits=ExitCode.FAILURE).stderr
    assert f"`wb stop {id_}` removes them" in said
    assert host.sql(id_, "SELECT n FROM kept") == "42"
    host.wb("stop", id_)
    host.wb("remove-dirs", id_, "--yes", "--forget-secrets")
    assert not host.folder(id_).exists()
    assert not (host.root / "secrets" / f"{id_}.json").exists()
    host.wb("init-dirs", id_)
    host.wb("run", id_)
    assert host.sql(id_, "SELECT to_regclass('kept')") == ""


@pytest.mark.parametrize("mode", ["rw", "ro"])
def test_a_stranger_s_container_that_mounts_a_folder_is_named_whatever_its_state(
    host: Host, docker_client: docker.DockerClient, run_id: str, mode: str
) -> None:
    id_ = host.prepare()
    row = host.folder(id_) / "databases" / "row"
    row.write_text("precious")
    box = docker_client.containers.create(
        VALKEY_IMAGE,
        labels={RUN_LABEL: run_id},
        volumes={str(row.parent): {"bind": "/look", "mode": mode}},
    )
    try:
        said = host.wb("remove-dirs", id_, "--yes", exits=ExitCode.FAILURE).stderr
        assert f"the container {box.name} (created) mounts {row.parent}" in said
        assert row.exists()
    finally:
        box.remove(force=True)
    host.wb("remove-dirs", id_, "--yes")
    assert not host.folder(id_).exists()
