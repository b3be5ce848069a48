"""What PostgreSQL keeps of a password: made of one, and compared with one.

PostgreSQL keeps ``SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`` (RFC 5803), or
``md5`` with the digest of the password and the role. Neither gives the password away, and the
password need not leave this process.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from base64 import b64decode, b64encode

ITERATIONS, SALT_BYTES = 4096, 16  # as PostgreSQL has them
SCRAM = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):.+")


def is_opened_by(verifier: str, role: str, password: str) -> bool | None:
    """Whether a password opens a role; ``None`` where that cannot be told.

    A role without a verifier has no password, so no password opens it. Of a password with other
    letters than ASCII, PostgreSQL keeps a normal form (RFC 4013); that is not told here.
    """
    if not verifier:
        return False
    if verifier.startswith("md5"):
        digest = hashlib.md5(f"{password}{role}".encode(), usedforsecurity=False).hexdigest()
        return hmac.compare_digest(verifier, f"md5{digest}")
    found = SCRAM.fullmatch(verifier)
    if not found or not password.isascii():
        return None
    iterations, salt, stored = int(found[1]), b64decode(found[2]), b64decode(found[3])
    return hmac.compare_digest(_derive_keys(password, salt, iterations)[0], stored)


def make_verifier(password: str) -> str:
    """Make what PostgreSQL may keep of a password, so that it need not be told the password.

    Raises:
        ValueError: the password has other letters than ASCII.
    """
    if not password.isascii():
        raise ValueError("only PostgreSQL itself knows the normal form of this password")
    salt = os.urandom(SALT_BYTES)
    keys = (b64encode(key).decode() for key in _derive_keys(password, salt, ITERATIONS))
    return f"SCRAM-SHA-256${ITERATIONS}:{b64encode(salt).decode()}${':'.join(keys)}"


def _derive_keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """Derive the stored key and the server's key, as RFC 5802 says."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")
