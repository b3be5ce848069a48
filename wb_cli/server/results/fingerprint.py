"""The code's fingerprint. An entry that was made by other code is a miss.

The fingerprint is a digest of the code that shapes the data, and not the release. So an upgrade
that does not change this code keeps the cache, and a change of this code is never missed.
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
    """The fingerprint, which is the same after a restart and on other machines."""
    digest = sha256()
    for _, module in sorted(fingerprinted().items()):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]
