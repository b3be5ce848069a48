"""`kill -9` of `wb prune` at each deletion: nothing else has gone, and the next prune ends it."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest
from support.labels import RUN_LABEL
from support.loaded_images import load_image
from support.wb_host import COMMAND_S, Host

from wb_cli.engine.types import LABEL_INSTANCE, LABEL_REGISTRY
from wb_cli.provision.recipes import LABEL_RECIPE

pytestmark = [pytest.mark.engine, pytest.mark.faults]

LAUNCHER = Path(__file__).with_name("killed_deleting.py")
LONG_AGO = 10**9
# Two networks, two images, a record of two files in its folder, a history, a copy, a lock.
DELETIONS = 2 + 2 + 3 + 3
# Commands make them anew, and the prune of another day removes them.
LOCKS = {"servers.json.lock", "locks/gone-left.lock", "locks/gone-right.lock"}


class Litter:
    """What nobody needs, beside what is needed: on the engine, and in the files of a host."""

    def __init__(self, host: Host, run: str) -> None:
        self.host, self.client, self.labels = host, host.client, {RUN_LABEL: run}
        self.image = f"wb-test-pruned-{run}"
        self.kept = host.prepare(image=f"{self.image}:3")
        for tag in ("3", "2"):
            self._load(tag)
        self._load("neighbours", f"{self.image}-other:1")
        self._make_network("mine", self.kept)
        self._make_network("neighbours", "gone", registry="/another")
        self._write(f"crashes/{self.kept}/record.json")
        before = {"id": "1", "began": "a", "ended": "b", "platform": f"{self.image}:2"}
        self._write(f"history/{self.kept}.jsonl", json.dumps(before))
        for day in range(10, 21):
            self._write(f"servers.json.backup-203012{day}T000000Z")

    def drop(self) -> None:
        """Drop what nobody needs, where it is not there."""
        for name in ("left", "right"):
            if f"{name}-{self.image}" not in self.networks():
                self._make_network(name, f"gone-{name}")
        for tag in ("1", "0"):
            if f"{self.image}:{tag}" not in self.images():
                self._load(tag)
        for record in ("record.json", "log"):
            self._write(f"crashes/gone/{record}")
        self._write("history/gone.jsonl")
        self._write("locks/gone.lock")
        self._write("servers.json.backup-20200101T000000Z")

    def networks(self) -> set[str]:
        """The names of the networks of this test."""
        return {network.name for network in self._list_networks()}

    def images(self) -> set[str]:
        """The names of the images of this test."""
        found = self.client.images.list(filters={"label": self._filter})
        return {tag for image in found for tag in image.tags if self.image in tag}

    def everything(self) -> set[str]:
        """All that is there of this test, by name."""
        root = self.host.root
        files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        return self.networks() | self.images() | (files - LOCKS)

    def discard(self) -> None:
        """Remove all that is left on the engine."""
        for image in self.images():
            with suppress(docker.errors.ImageNotFound):
                self.client.images.remove(image, force=True)
        for network in self._list_networks():
            network.remove()

    def _list_networks(self) -> list[Any]:
        found = self.client.networks.list(filters={"label": self._filter})
        return [network for network in found if self.image in network.name]

    @property
    def _filter(self) -> str:
        return f"{RUN_LABEL}={self.labels[RUN_LABEL]}"

    def _make_network(self, name: str, instance: str, registry: str = "") -> None:
        labels = {LABEL_INSTANCE: instance, LABEL_REGISTRY: registry or str(self.host.servers_file)}
        self.client.networks.create(f"{name}-{self.image}", labels=self.labels | labels)

    def _load(self, tag: str, name: str = "") -> None:
        labels = self.labels | {LABEL_RECIPE: "x", "tag": tag}
        load_image(self.client, labels, "RUN make", name or f"{self.image}:{tag}")

    def _write(self, name: str, text: str = "{}") -> None:
        path = self.host.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.fixture
def litter(host: Host, run_id: str) -> Iterator[Litter]:
    made = Litter(host, run_id)
    yield made
    made.discard()


def prune_and_die(host: Host, deletion: int) -> bool:
    """Prune, and be killed instead of a deletion. Tell whether there was such a deletion."""
    done = subprocess.run(
        [sys.executable, str(LAUNCHER), str(deletion), "prune", "--yes"],
        env=host.environ,
        capture_output=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr.decode()
    return done.returncode != 0


def test_a_prune_killed_at_any_deletion_removed_nothing_else_and_the_next_ends_it(
    litter: Litter,
) -> None:
    host = litter.host
    needed = litter.everything()
    tried = 0
    for deletion in itertools.count(1):
        litter.drop()
        dropped = litter.everything() - needed
        is_killed = prune_and_die(host, deletion)
        left = litter.everything()
        assert needed <= left, needed - left
        assert bool(left & dropped) is is_killed
        host.wb("prune", "--yes")
        after = litter.everything()
        assert (needed - after, after - needed) == (set(), set())
        assert planned(host) == []
        if not is_killed:
            break
        tried = deletion
    assert tried == DELETIONS


def planned(host: Host) -> list[Any]:
    """What a prune would remove."""
    answer = json.loads(host.wb("prune", "--dry-run", "--json").stdout)
    return [item["name"] for item in answer["items"] if host.root.name in item["name"]]
