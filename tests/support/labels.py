"""The label that everything which a test run makes on the engine carries."""

import uuid

import docker
from support.made import Made, made

RUN_LABEL = "wb.test.run"
RUN = uuid.uuid4().hex[:8]


def of_run(client: docker.DockerClient, run: str) -> Made:
    """What a test run, or one of its processes, has on the engine."""
    return made(client, RUN_LABEL, lambda label: label == run or label.startswith(f"{run}-"))
