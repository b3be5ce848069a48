"""A container's Spec in short: kept as a label, compared, and put in words. Pure."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wb_cli.engine.types import ContainerSpec
from wb_cli.secret import Secret

Fingerprint = Mapping[str, str]


def fingerprint(spec: ContainerSpec, key: bytes) -> dict[str, str]:
    """The fields that make a container what it is; secrets as digests under ``key``.

    A secret file counts only when its container is created, so it is no part of this.
    """
    fields = {
        "image": spec.image,
        "command": " ".join(spec.command),
        "mounts": ", ".join(f"{mount.source}:{mount.target}" for mount in spec.mounts),
        "ports": ", ".join(f"{p.address}:{p.host}:{p.container}" for p in spec.ports),
        "stop timeout": str(spec.stop_timeout),
        "memory": str(spec.memory or ""),
        "cpus": str(spec.cpus or ""),
        "shared memory": str(spec.shm_size or ""),
        "restart": "no" if spec.auto_remove else "always",
    }
    variables = {name: _shown(value, key) for name, value in spec.environment.items()}
    return {k: v for k, v in fields.items() if v} | variables


def digest(value: Any, key: bytes) -> str:
    """A keyed digest of anything JSON can carry; paths and :class:`Secret` may stand in it."""
    document = json.dumps(value, sort_keys=True, default=_as_text)
    return hmac.new(key, document.encode(), hashlib.sha256).hexdigest()[:16]


def _as_text(value: Path | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def dump(fields: Fingerprint) -> str:
    """The label's text."""
    return json.dumps(dict(fields), sort_keys=True, separators=(",", ":"))


def parse(label: str | None) -> Fingerprint:
    """A label's text back; one that is damaged differs from everything."""
    try:
        parsed = json.loads(label or "{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def differences(old: Fingerprint, new: Fingerprint) -> str:
    """What changed, for people: ``image 1.6.7 -> 1.7.0, DOMAIN changed``; empty when nothing."""
    names = sorted({*old, *new}, key=lambda name: (name.isupper(), name != "image", name))
    changed = (name for name in names if old.get(name) != new.get(name))
    return ", ".join(_in_words(name, old.get(name, ""), new.get(name, "")) for name in changed)


def _shown(value: str | Secret, key: bytes) -> str:
    return f"#{digest(value.reveal(), key)}" if isinstance(value, Secret) else value


def _in_words(name: str, old: str, new: str) -> str:
    if old.startswith("#") or new.startswith("#"):
        return f"{name} changed"
    if not old:
        return f"{name} set to {new}"
    if not new:
        return f"{name} no longer set"
    if re.match(r",? ", new.removeprefix(old)):
        return f"{name} with {new.removeprefix(old).lstrip(', ')}"
    if re.match(r",? ", old.removeprefix(new)):
        return f"{name} without {old.removeprefix(new).lstrip(', ')}"
    before, after = _without_common_end(*without_common_start((old, new)))
    return f"{name} {before} -> {after}"


def without_common_start(texts: tuple[str, str]) -> tuple[str, str]:
    """Drop what two texts share at their start, but no part of a word or of a version."""
    one, other = texts
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    shared = one[:same]
    cut = max(len(re.sub(r"[\w.]*$", "", shared)), _end_of_version_mark(shared))
    return one[cut:] or one, other[cut:] or other


def _without_common_end(one: str, other: str) -> tuple[str, str]:
    """Drop the words that two texts share at their end."""
    before, after = one.split(" "), other.split(" ")
    while min(len(before), len(after)) > 1 and before[-1] == after[-1]:
        before.pop()
        after.pop()
    return " ".join(before), " ".join(after)


def _end_of_version_mark(text: str) -> int:
    """Where the number begins in ``...-v1.6``; 0 where there is none."""
    mark = re.search(r"-v(?=[\d.]*$)", text)
    return mark.end() if mark else 0
