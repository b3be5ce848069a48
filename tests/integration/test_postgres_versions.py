"""New databases get checksums, and a database meets its own major version of PostgreSQL alone.

The images of other versions are doctored: PostgreSQL 17 that says to be another one. The image of
version 18 also behaves as the official one does with its mount.
"""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from support.services import POSTGRES_IMAGE
from support.wb_host import Host

pytestmark = [pytest.mark.engine, pytest.mark.long]

# The official entrypoint of version 18 refuses a mount at the old place if PGDATA is its own.
REFUSING_THE_OLD_MOUNT = """
FROM {image}
RUN printf '%s\\n' '#!/bin/bash' \\
    'if [ "$PGDATA" = /var/lib/postgresql/18/docker ]; then' \\
    '  mountpoint -q /var/lib/postgresql/data && echo "unused mount" >&2 && exit 1; fi' \\
    'exec entrypoint.sh "$@"' > /usr/local/bin/as-18.sh && chmod 755 /usr/local/bin/as-18.sh
ENV PG_MAJOR=18 PG_VERSION=18.3-1.pgdg12+1 PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
ENTRYPOINT ["as-18.sh"]
CMD ["postgres"]
"""
NewImage = Callable[..., str]


@pytest.fixture(scope="module")
def new_image(docker_client: docker.DockerClient, run_id: str) -> Iterator[NewImage]:
    """Makes an image of PostgreSQL that says to have a version."""
    made: set[str] = set()

    def make(version: str, text: str = "FROM {image}\nENV PG_VERSION={version}\n") -> str:
        tag = f"wb-test-postgres-{run_id}:{version}"
        file = io.BytesIO(text.format(image=POSTGRES_IMAGE, version=version).encode())
        labels = {"wb.test.run": run_id}
        image, _ = docker_client.images.build(fileobj=file, tag=tag, rm=True, labels=labels)
        made.add(str(image.id))
        return tag

    yield make
    for image in made:
        docker_client.images.remove(image, force=True)


def version_file(host: Host, id_: str) -> Path:
    return host.folder(id_) / "databases" / "pgdata" / "PG_VERSION"


def read_variables(host: Host, name: str) -> set[str]:
    texts = host.inspect(name)["Config"]["Env"]
    return {text.partition("=")[0] for text in texts}


def test_a_new_database_has_checksums_and_that_alone_changes_nothing_later(host: Host) -> None:
    demo = host.prepare()
    host.wb("run", demo)
    assert host.sql(demo, "SHOW data_checksums") == "on"
    ids = host.ids(demo)
    (ended,) = host.json("run", demo)["instances"]
    assert ended["result"] == "unchanged"
    assert host.ids(demo) == ids
    assert host.json("status", demo)["instances"][0]["notes"] == []
    host.wb("restart", demo)
    assert host.sql(demo, "SHOW data_checksums") == "on"
    assert "POSTGRES_INITDB_ARGS" not in read_variables(host, f"{demo}-postgres")


def test_a_database_without_checksums_stays_as_it_is_and_doctor_names_it(host: Host) -> None:
    demo = host.prepare()
    host.wb("run", demo)
    host.wb("stop", demo)
    arguments: Any = {"entrypoint": ["pg_checksums"], "user": "postgres", "remove": True}
    databases = {str(host.folder(demo) / "databases"): {"bind": "/d"}}
    host.client.containers.run(
        POSTGRES_IMAGE, ["--disable", "-D", "/d/pgdata"], volumes=databases, **arguments
    )
    host.wb("run", demo)
    assert host.sql(demo, "SHOW data_checksums") == "off"
    found = json.loads(host.ran("doctor", demo, "--json").stdout)["findings"]
    (finding,) = [each for each in found if each["code"] == "checksums-off"]
    assert finding["subjects"] == [demo]


def test_a_database_of_another_version_is_not_started(host: Host, new_image: NewImage) -> None:
    image = new_image("17.4")
    demo = host.prepare()
    host.wb("run", demo, WB_POSTGRES_IMAGE=image)
    host.wb("stop", demo)
    version_file(host, demo).write_text("16\n")
    done = host.wb("run", demo, exits=1, WB_POSTGRES_IMAGE=image)
    assert f"is of PostgreSQL 16, and the image {image} has 17, which cannot open it" in done.stderr
    assert f"`wb config set {demo} postgresImage={image.partition(':')[0]}:16`" in done.stderr
    assert host.containers(demo) == []
    cause = host.json("why", demo, WB_POSTGRES_IMAGE=image)
    assert cause["cause"] == "database version"
    version_file(host, demo).write_text("17\n")
    host.wb("run", demo, WB_POSTGRES_IMAGE=image)


def test_an_instance_serves_on_if_a_newer_image_could_not_open_its_database(
    host: Host, new_image: NewImage
) -> None:
    image = new_image("17.4")
    demo = host.prepare()
    host.wb("run", demo, WB_POSTGRES_IMAGE=image)
    ids = host.ids(demo)
    new_image("17.4", "FROM {image}\nENV PG_VERSION=18.1\n")  # the same tag means another image
    host.wb("run", demo, WB_POSTGRES_IMAGE=image)
    done = host.wb("restart", demo, exits=1, WB_POSTGRES_IMAGE=image)
    assert "is of PostgreSQL 17" in done.stderr
    assert host.ids(demo) == ids
    assert {container.status for container in host.containers(demo)} == {"running"}
    host.client.api.kill(f"{demo}-postgres")  # an engine does not start it again after this
    host.wb("run", demo, WB_POSTGRES_IMAGE=image)
    assert host.ids(demo) == ids


def test_an_instances_own_image_of_the_same_major_version_replaces_postgresql_alone(
    host: Host, new_image: NewImage
) -> None:
    demo = host.prepare()
    host.wb("run", demo)
    host.sql(demo, "create table kept as select generate_series(1, 10) as n")
    ids, image = host.ids(demo), new_image("17.9")
    host.wb("config", "set", demo, f"postgresImage={image}")
    host.wb("run", demo)
    assert {part for part, id_ in host.ids(demo).items() if id_ != ids[part]} == {"postgres"}
    assert host.inspect(f"{demo}-postgres")["Config"]["Image"] == image
    assert host.sql(demo, "select count(*) from kept") == "10"


def test_an_image_that_says_no_version_starts_and_that_is_said(
    host: Host, new_image: NewImage
) -> None:
    image = new_image("devel", "FROM {image}\nENV PG_MAJOR= PG_VERSION=\n")
    demo = host.prepare()
    first = host.wb("run", demo, WB_POSTGRES_IMAGE=image)
    assert "the image does not say its version" not in first.stderr  # the database was new
    host.wb("stop", demo)
    done = host.wb("run", demo, WB_POSTGRES_IMAGE=image)
    assert f"whether {image} can open it is not known" in done.stderr


def test_version_18_starts_on_a_new_folder_and_keeps_its_data_there(
    host: Host, new_image: NewImage
) -> None:
    image = new_image("18.3", REFUSING_THE_OLD_MOUNT)
    demo = host.prepare()
    host.wb("run", demo, WB_POSTGRES_IMAGE=image)
    assert version_file(host, demo).exists()
    mounts: dict[str, Any] = {
        mount["Destination"]: mount["Type"] for mount in host.inspect(f"{demo}-postgres")["Mounts"]
    }
    # The first password lies in a volume that goes with the container, as its root is closed.
    assert mounts.pop("/run/wb") == "volume"
    assert mounts == {"/var/lib/postgresql": "bind", "/app/sandbox": "bind"}
    host.sql(demo, "CREATE TABLE kept AS SELECT 42 AS answer")
    version_file(host, demo).write_text("17\n")  # what it is: the image only says to be 18
    done = host.wb("restart", demo, exits=1, WB_POSTGRES_IMAGE=image)
    assert "is of PostgreSQL 17" in done.stderr
    assert host.sql(demo, "TABLE kept") == "42"
