"""The code's fingerprint: entries made by other code are a miss.

It is a digest of the code that shapes the data, not the release: an upgrade that leaves that code
alone keeps the cache, and a change to it cannot be forgotten.
"""

from functools import cache
from hashlib import sha256
from importlib.resources import files

SHAPING = ("fetch_config.py", "db/loaded.py", "db/results.py")
QUERIES = "queries_"


@cache
def code_fingerprint() -> str:
    """Stable over restarts and machines."""
    here = files("wb_cli.server")
    queries = sorted(
        (path for path in (here / "db").iterdir() if path.name.startswith(QUERIES)),
        key=lambda path: path.name,
    )
    digest = sha256()
    for path in (*(here / name for name in SHAPING), *queries):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
