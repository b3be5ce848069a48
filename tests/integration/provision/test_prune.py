"""`wb prune` on a real engine: what is wb's and nobody needs goes, a neighbour's things stay."""

import json
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from support.json_answers import check
from support.labels import RUN_LABEL
from support.loaded_images import load_image
from support.wb_host import Host

from wb_cli.engine.types import LABEL_INSTANCE, LABEL_REGISTRY
from wb_cli.provision.recipes import LABEL_RECIPE

pytestmark = pytest.mark.engine


@pytest.fixture
def images(docker_client: docker.DockerClient, run_id: str) -> Iterator[dict[str, str]]:
    """Images by what they are; what is left of them at the end is removed."""
    name, labels = f"wb-test-prune-{run_id}", {RUN_LABEL: run_id}

    def load(what: str, *tags: str, step: str = "RUN make") -> str:
        return load_image(docker_client, {**labels, LABEL_RECIPE: "x", "what": what}, step, *tags)

    made = {
        "current": load("current", f"{name}:3"),
        "before": load("before", f"{name}:2"),
        "older": load("older", f"{name}:1"),
        "build": load("build", step=f"LABEL {LABEL_RECIPE}=x"),
        "neighbour": load("neighbour"),
        "neighbours-app": load("neighbours-app", f"{name}-other:1"),
    }
    yield made
    for image in docker_client.images.list(filters={"label": f"{RUN_LABEL}={run_id}"}, all=True):
        if image.id in made.values():
            docker_client.images.remove(image.id, force=True)


def is_there(client: docker.DockerClient, image: str) -> bool:
    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        return False
    return True


def test_images_go_and_a_neighbours_stay(host: Host, images: dict[str, str], run_id: str) -> None:
    name = f"wb-test-prune-{run_id}"
    id_ = host.declare(image=f"{name}:3")
    history = host.root / "history"
    history.mkdir()
    line = {"id": "1", "began": "a", "ended": "b", "platform": f"{name}:2"}
    (history / f"{id_}.jsonl").write_text(json.dumps(line) + "\n")

    def answer(*words: str) -> dict[str, Any]:
        done = host.wb("prune", "--only", "images", "--json", *words)
        return dict(check("prune", done.stdout))

    planned = {item["name"] for item in answer("--dry-run")["items"]}
    ours = {f"{name}:1", images["build"].removeprefix("sha256:")[:12]}
    assert ours <= planned
    assert all(is_there(host.client, image) for image in images.values())
    assert "no terminal to ask on" in host.wb("prune", "--only", "images", exits=2).stderr
    answer("--yes")
    left = {what for what, image in images.items() if is_there(host.client, image)}
    assert left == {"current", "before", "neighbour", "neighbours-app"}


def test_networks_and_records_go_and_what_is_in_use_or_anothers_stays(
    host: Host, docker_client: docker.DockerClient, run_id: str
) -> None:
    id_ = host.prepare()
    host.wb("run", id_)
    mine = {LABEL_REGISTRY: str(host.servers_file), RUN_LABEL: run_id}

    def network(name: str, **labels: str) -> Any:
        return docker_client.networks.create(
            f"{name}-{run_id}", labels={RUN_LABEL: run_id, **labels}
        )

    left = network("left", **mine, **{LABEL_INSTANCE: "gone"})
    others = network("others", **{LABEL_INSTANCE: "gone", LABEL_REGISTRY: "/another"})
    neighbours = network("neighbours")
    records = host.root / "crashes" / "gone"
    records.mkdir(parents=True)
    (records / "record.json").write_text("{}")
    kinds = ("--only", "networks", "--only", "crashes")
    shown = host.wb("prune", *kinds, "--dry-run").stdout
    assert f"- networks: {left.name}: no container is on it" in shown
    assert f"- crashes: {records} (2 B): its instance is not declared and has no folder" in shown
    assert "2 of 2 would be removed; nothing was changed (up to 2 B)" in shown
    host.wb("prune", *kinds, "--yes")
    names = {each.name for each in docker_client.networks.list()}
    assert left.name not in names
    assert {others.name, neighbours.name, id_} <= names
    assert not records.exists()
    assert host.wb("prune", *kinds).stdout == "nothing to prune\n"
    for each in (others, neighbours):
        each.remove()
    entry = host.entries.pop(id_)
    host.declare()
    done = host.wb("prune", *kinds)
    assert f"{id_}: has containers and no entry; `wb stop {id_}` removes them" in done.stderr
    assert len(host.containers(id_)) == 3
    host.entries[id_] = entry
    host.change(id_)
    host.wb("stop", id_)
