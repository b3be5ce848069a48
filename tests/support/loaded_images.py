"""Images that a test loads into a real engine."""

import hashlib
import io
import json
import tarfile

import docker

LONG_AGO = "2020-01-01T00:00:00Z"


def load_image(client: docker.DockerClient, labels: dict[str, str], step: str, *tags: str) -> str:
    """Load an empty image that was made long ago; without a tag it has no name."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w"):
        pass
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": LONG_AGO,
        "config": {"Labels": labels},
        "history": [{"created": LONG_AGO, "created_by": step}],
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    files = {
        "config.json": json.dumps(config).encode(),
        "layer.tar": layer.getvalue(),
        "manifest.json": json.dumps(
            [{"Config": "config.json", "RepoTags": list(tags), "Layers": ["layer.tar"]}]
        ).encode(),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    client.images.load(archive.getvalue())
    return "sha256:" + hashlib.sha256(files["config.json"]).hexdigest()
