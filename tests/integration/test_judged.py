"""wb upgrade judges real platforms under load: one that got slower stops, a good one goes on."""

import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import pytest
from support.json_answers import check
from support.labels import RUN_LABEL
from support.services import PLATFORM_IMAGE
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.long]

INSTANCES, BATCH = 10, 5
# Python imports this by itself at its start.
SLOWED = """
import asyncio
from wb_cli.server.http.endpoints import Endpoint

respond = Endpoint._respond

async def respond_late(self, platform, request):
    await asyncio.sleep(0.02)
    return await respond(self, platform, request)

Endpoint._respond = respond_late
"""
# As much as three platforms take.
FAT = "held = b'1' * 150 * 2**20"
EVERY_S = 0.02
Make = Callable[..., str]


@pytest.fixture
def versions(docker_client: docker.DockerClient, run_id: str, tmp_path: Path) -> Iterator[Make]:
    """Makes a version of the real platform with a change. Gives its image."""
    made: list[str] = []

    def make(tag: str, change: str = "") -> str:
        reference = f"wb-test-judged-{run_id}:{tag}"
        recipe = tmp_path / f"image-{tag}"
        recipe.mkdir()
        (recipe / "sitecustomize.py").write_text(change)
        labels = f"LABEL {RUN_LABEL}={run_id} version={tag}"
        lines = (f"FROM {PLATFORM_IMAGE}", labels, "COPY sitecustomize.py /changed/")
        (recipe / "Dockerfile").write_text("\n".join([*lines, "ENV PYTHONPATH=/changed"]))
        docker_client.images.build(path=str(recipe), tag=reference, rm=True)
        made.append(reference)
        return reference

    yield make
    for reference in made:
        docker_client.images.remove(reference, force=True)


@contextmanager
def under_load(host: Host, ids: Sequence[str]) -> Iterator[None]:
    """Ask all instances again and again, as users do."""
    is_over = threading.Event()

    def ask(some: Sequence[str]) -> None:
        while not is_over.wait(EVERY_S):
            for id_ in some:
                url = f"http://127.0.0.1:{host.port(id_)}/api/projects"
                with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
                    answer.read()

    asking = [threading.Thread(target=ask, args=(ids[place::3],)) for place in range(3)]
    for thread in asking:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in asking:
            thread.join()


def roll_out(host: Host, ids: Sequence[str], to: str, *more: str, exits: int = 0) -> Any:
    words = ("--no-backup", "--parallel", str(BATCH), "--soak", "20", *more)
    return check(
        "upgrade", host.wb("upgrade", *ids, "--to", to, *words, "--json", exits=exits).stdout
    )


def test_a_bigger_or_a_slower_version_stops_after_a_batch_and_a_good_one_comes_everywhere(
    host: Host, versions: Make
) -> None:
    ids = [host.declare(image=versions("first"))]
    ids += [host.declare(image=host.entries[ids[0]]["image"]) for _ in range(INSTANCES - 1)]
    host.wb("run", "all")
    versions("good")
    versions("fat", FAT)
    versions("slow", SLOWED)
    with under_load(host, ids):
        answer = roll_out(host, ids, "good")
        assert answer["stopped"] == ""
        assert [each["result"] for each in answer["instances"]] == ["upgraded"] * INSTANCES
        (judged,) = answer["judged"]
        assert judged["verdict"] == "no worse", judged

        answer = roll_out(host, ids, "fat", exits=ExitCode.PARTIAL)
        assert "memory: +" in answer["stopped"]
        answer = roll_out(host, ids, "good", "--no-judge")

        answer = roll_out(host, ids, "slow", exits=ExitCode.PARTIAL)
        assert "answer times: +" in answer["stopped"]
        assert f"{BATCH} done, {INSTANCES - BATCH} were not begun" in answer["stopped"]
        (judged,) = answer["judged"]
        assert judged["verdict"] == "worse", judged

        standing = host.json("upgrade", "all", "--status")["instances"]
        verdicts = {each["id"]: each["last"]["judged"] for each in standing}
        assert all(verdicts[id_].startswith("worse: ") for id_ in judged["instances"])

        answer = roll_out(host, ids, "slow", "--no-judge")
        assert (answer["stopped"], answer["judged"]) == ("", [])


def test_a_canary_whose_figures_cannot_be_read_is_not_taken_for_a_good_one(host: Host) -> None:
    """The stand-in of the platform answers everything with two letters."""
    ids = [host.declare() for _ in range(2)]
    host.wb("run", "all")
    done = host.wb(
        *("upgrade", "all", "--to", "healthy-again", "--no-backup"),
        *("--parallel", "1", "--soak", "1", "--json"),
    )
    answer = check("upgrade", done.stdout)
    assert answer["stopped"] == ""
    (judged,) = answer["judged"]
    (first,) = judged["instances"]
    assert judged["verdict"] == "could not be judged"
    assert "its metrics lack" in judged["unknown"][first]
    table = host.wb("upgrade", "all", "--status").stdout
    assert "could not be judged" in " ".join(table.split())
    assert {first} < set(ids)
