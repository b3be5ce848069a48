"""A container's Spec in short: kept as a label, and compared. Pure."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wb_cli.engine.types import LOG_MAX_FILES, LOG_MAX_SIZE, ContainerSpec, RestartPolicy
from wb_cli.instances.values import write_size
from wb_cli.quantities import describe_size
from wb_cli.secret import Secret

Fingerprint = Mapping[str, str]
WITH_SIZES = {"memory", "shared memory", "command"}


def fingerprint(spec: ContainerSpec, key: bytes) -> dict[str, str]:
    """Give the fields that make a container what it is. Secrets become digests under ``key``.

    Secret files are left out, because they matter only when the container is created.
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
        "log": _describe_log(spec),
        "restart": RestartPolicy.NO if spec.auto_remove else RestartPolicy.ALWAYS,
    }
    variables = {name: _hide_secret(value, key) for name, value in spec.environment.items()}
    return {k: v for k, v in fields.items() if v} | variables


def _describe_log(spec: ContainerSpec) -> str:
    """Describe the rotation of the log; empty where it is the usual one."""
    is_usual = (spec.log_max_size, spec.log_max_files) == (LOG_MAX_SIZE, LOG_MAX_FILES)
    size = describe_size(spec.log_max_size).replace(" ", "")
    return "" if is_usual else f"{spec.log_max_files}x{size}"


def digest(value: Any, key: bytes) -> str:
    """Give a keyed digest of a JSON value, which may also hold paths and :class:`Secret`."""
    document = json.dumps(value, sort_keys=True, default=_as_text)
    return hmac.new(key, document.encode(), hashlib.sha256).hexdigest()[:16]


def _as_text(value: Path | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def dump(fields: Fingerprint) -> str:
    """Give the text of the label."""
    return json.dumps(dict(fields), sort_keys=True, separators=(",", ":"))


def parse(label: str | None) -> Fingerprint:
    """Read the text of a label. A damaged label reads as empty, so it differs from every Spec."""
    try:
        parsed = json.loads(label or "{}")
    except (ValueError, RecursionError):
        return {}
    is_ours = isinstance(parsed, dict) and all(isinstance(each, str) for each in parsed.values())
    return parsed if is_ours else {}


def describe_differences(old: Fingerprint, new: Fingerprint) -> str:
    """Say what changed: ``image 1.6.7 -> 1.7.0, DOMAIN changed``. Empty if nothing changed."""
    # The image first, then the other fields, then the variables.
    names = sorted({*old, *new}, key=lambda name: (name.isupper(), name != "image", name))
    changed = (name for name in names if old.get(name) != new.get(name))
    return ", ".join(
        _describe_change(name, _write_sizes(name, old), _write_sizes(name, new)) for name in changed
    )


def _write_sizes(name: str, fingerprint: Fingerprint) -> str:
    """Give a value with its numbers of bytes as an operator writes them: ``2g``, ``512m``."""
    value = fingerprint.get(name, "")
    if name not in WITH_SIZES:
        return value
    return re.sub(r"\b\d{7,}\b", lambda size: write_size(int(size[0])), value)


def _hide_secret(value: str | Secret, key: bytes) -> str:
    return f"#{digest(value.reveal(), key)}" if isinstance(value, Secret) else value


def _describe_change(name: str, old: str, new: str) -> str:
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
    before, after = _drop_common_end(*drop_common_start((old, new)))
    return f"{name} {before} -> {after}"


def drop_common_start(texts: tuple[str, str]) -> tuple[str, str]:
    """Drop what two texts share at their start, but do not cut a word or a version in two."""
    one, other = texts
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    shared = one[:same]
    cut = max(len(re.sub(r"[\w.]*$", "", shared)), _end_of_version_mark(shared))
    return one[cut:] or one, other[cut:] or other


def _drop_common_end(one: str, other: str) -> tuple[str, str]:
    """Drop the words that two texts share at their end."""
    before, after = one.split(" "), other.split(" ")
    while min(len(before), len(after)) > 1 and before[-1] == after[-1]:
        before.pop()
        after.pop()
    return " ".join(before), " ".join(after)


def _end_of_version_mark(text: str) -> int:
    """Find where the number begins in ``...-v1.6``. 0 if there is none."""
    mark = re.search(r"-v(?=[\d.]*$)", text)
    return mark.end() if mark else 0
