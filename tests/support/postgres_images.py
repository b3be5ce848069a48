"""Images of other major versions of PostgreSQL, from wb's recipe and other releases of Debian."""

import docker
from support.labels import RUN_LABEL

from wb_cli.engine.docker.images import pack
from wb_cli.instances.local_images import POSTGRES
from wb_cli.provision.recipes import BASE, read_files

# Each major version is in one release. The signature of one that moves on may be a few weeks old.
RELEASES = {15: "bookworm", 18: "sid"}
OTHER_RELEASE = """\
RUN sed -n 's/ [a-z]* main$/ {release} main/; 1p' /etc/apt/sources.list \\
    > /etc/apt/sources.list.d/other.list \\
 && echo 'Acquire::Check-Valid-Until "false";' > /etc/apt/apt.conf.d/90late
"""


def build_postgres(client: docker.DockerClient, run: str, major: int) -> str:
    """Build the image of a major version, and give its tag. It takes a minute."""
    tag = f"wb-test-postgres-{run}:{major}"
    context = read_files(POSTGRES)
    recipe = context["Dockerfile"].decode().replace("17", str(major))
    head, base, rest = recipe.partition("FROM ${BASE}\n")
    text = f"{head}{base}{OTHER_RELEASE.format(release=RELEASES[major])}{rest}"
    client.images.build(
        fileobj=pack({**context, "Dockerfile": text.encode()}),
        custom_context=True,
        tag=tag,
        buildargs={"BASE": BASE},
        labels={RUN_LABEL: run},
        rm=True,
        forcerm=True,
    )
    return tag
