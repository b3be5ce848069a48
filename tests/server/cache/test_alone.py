"""The cache is a library: it needs the ground modules, and nothing of the server."""

import subprocess
import sys

from support.platform_server import bare_environment

WITHOUT_THE_SERVER = """
import importlib, pkgutil, sys
import wb_cli.server.cache as library

for module in pkgutil.iter_modules(library.__path__, "wb_cli.server.cache."):
    importlib.import_module(module.name)
GROUND = {"wb_cli", "wb_cli.contract", "wb_cli.errors", "wb_cli.secret", "wb_cli.server"}
ours = {name for name in sys.modules if name.partition(".")[0] == "wb_cli"}
print(sorted(name for name in ours - GROUND if not name.startswith("wb_cli.server.cache")))
"""


def test_the_library_imports_no_module_of_the_server():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_THE_SERVER],
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout.strip(), done.stderr) == ("[]", "")
