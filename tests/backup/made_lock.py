"""A lock of restic's, made by hand, so that its owner can be anywhere and dead for long.

The form is that of https://restic.readthedocs.io/en/stable/100_references.html (keys, encryption
and MAC; locks).
"""

import base64
import hashlib
import json
import os
import subprocess
from datetime import datetime
from typing import Any

from backup.site import Site


def make_lock(site: Site, hostname: str, when: datetime) -> str:
    """Lock the repository of a site in the name of another host. Give the lock's id."""
    lock = {
        "time": when.isoformat(),
        "exclusive": True,
        "hostname": hostname,
        "username": "root",
        "pid": 4711,
    }
    sealed = _seal(
        json.loads(site.restic("--no-lock", "cat", "masterkey")), json.dumps(lock).encode()
    )
    name = hashlib.sha256(sealed).hexdigest()
    (site.repository / "locks" / name).write_bytes(sealed)
    return name


def _seal(keys: dict[str, Any], text: bytes) -> bytes:
    nonce = os.urandom(16)
    secret = _aes("aes-256-ctr", base64.b64decode(keys["encrypt"]), text, "-iv", nonce.hex())
    s = _aes("aes-128-ecb", base64.b64decode(keys["mac"]["k"]), nonce, "-nopad")
    return nonce + secret + _sign(base64.b64decode(keys["mac"]["r"]), s, secret)


def _aes(mode: str, key: bytes, text: bytes, *more: str) -> bytes:
    words = ["openssl", "enc", f"-{mode}", "-K", key.hex(), *more]
    return subprocess.run(words, input=text, capture_output=True, check=True).stdout


def _sign(r: bytes, s: bytes, text: bytes) -> bytes:
    """Poly1305, as in RFC 8439."""
    factor = int.from_bytes(r, "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for start in range(0, len(text), 16):
        block = int.from_bytes(text[start : start + 16] + b"\x01", "little")
        total = (total + block) * factor % (2**130 - 5)
    return ((total + int.from_bytes(s, "little")) % 2**128).to_bytes(16, "little")
