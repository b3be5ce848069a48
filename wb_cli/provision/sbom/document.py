"""Write the bill of materials of an image as CycloneDX 1.6. Pure.

The document is written here, without a library: the one for it would bring seven more packages, all
of which would have to be trusted and audited. The tests have its validator, and the schema.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from wb_cli import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.engine.types import ImageInfo
    from wb_cli.provision.sbom.packages import Package

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
IMAGE = "image"
# Those who know an image and its packages know the number of its document.
_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def write_document(
    reference: str, image: ImageInfo, packages: Sequence[Package], now: str
) -> dict[str, Any]:
    """Write the bill of an image. Only ``now``, an RFC 3339 time, differs between two of them."""
    components = [_write_package(package) for package in packages]
    number = uuid.uuid5(_NAMESPACE, "\n".join([image.id, *(each.purl for each in packages)]))
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        "metadata": {
            "timestamp": now,
            "tools": {
                "components": [{"type": "application", "name": "wb-cli", "version": __version__}]
            },
            "component": _write_image(reference, image),
        },
        "components": components,
        "dependencies": [{"ref": IMAGE, "dependsOn": [each["bom-ref"] for each in components]}],
    }


def _write_image(reference: str, image: ImageInfo) -> dict[str, Any]:
    name, version = _split(reference)
    hashes = [{"alg": "SHA-256", "content": image.id.removeprefix("sha256:")}]
    digests = [{"name": "wb:digest", "value": digest} for digest in image.digests]
    document: dict[str, Any] = {"type": "container", "bom-ref": IMAGE, "name": name}
    return document | {"version": version, "hashes": hashes, "properties": digests}


def _split(reference: str) -> tuple[str, str]:
    """Split a reference into the name and what chooses the version: a tag, or a digest."""
    name, at, digest = reference.partition("@")
    path, slash, last = name.rpartition("/")
    own, _, tag = last.partition(":")
    return path + slash + own, (digest if at else tag) or "latest"


def _write_package(package: Package) -> dict[str, Any]:
    document = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
    }
    if package.is_expression:
        return document | {"licenses": [{"expression": each} for each in package.licences]}
    named = [{"license": {"name": each}} for each in package.licences]
    return document | ({"licenses": named} if named else {})
