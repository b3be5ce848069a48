"""The code's fingerprint: entries made by other code are a miss.

It is a digest of the code that shapes the data, not the release: an upgrade that leaves that code
alone keeps the cache, and a change to it cannot be forgotten.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from wb_cli.server.db import fetch_config, loaded, queries_versions, results, sql
from wb_cli.server.results.declared import DECLARED

# What the queries of several caches use.
SHARED = (fetch_config, loaded, queries_versions, results, sql)


def fingerprinted() -> dict[str, ModuleType]:
    """The modules whose code is in the fingerprint, by name."""
    queries = [module for declaration in DECLARED for module in declaration.queries]
    return {module.__name__: module for module in (*SHARED, *queries)}


@cache
def code_fingerprint() -> str:
    """Stable over restarts and machines."""
    digest = sha256()
    for _, module in sorted(fingerprinted().items()):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]
