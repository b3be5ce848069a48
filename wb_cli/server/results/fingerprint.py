"""The code's fingerprint: entries made by other code are a miss.

It is a digest of the code that shapes the data, not the release: an upgrade that leaves that code
alone keeps the cache, and a change to it cannot be forgotten.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path

from wb_cli.server.db import fetch_config, loaded, queries_versions, results
from wb_cli.server.results.declared import DECLARED

# What the queries of several caches use.
SHARED = (fetch_config, loaded, queries_versions, results)


@cache
def code_fingerprint() -> str:
    """Stable over restarts and machines."""
    queries = {module.__name__: module for each in DECLARED for module in each.queries}
    modules = {module.__name__: module for module in SHARED} | queries
    digest = sha256()
    for name in sorted(modules):
        digest.update(Path(str(modules[name].__file__)).read_bytes())
    return digest.hexdigest()[:16]
