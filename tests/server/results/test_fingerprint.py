"""The fingerprint: it changes with the code that shapes data, and with no other code."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import wb_cli
from wb_cli.server.results.fingerprint import fingerprinted

FINGERPRINT = (
    "from wb_cli.server.results.fingerprint import code_fingerprint; print(code_fingerprint())"
)
# The queries import these modules, but they shape no data.
SHAPES_NOTHING = {
    "wb_cli.errors",
    "wb_cli.server.cache",
    "wb_cli.server.cache.lossless",
    "wb_cli.server.db.address",
    "wb_cli.server.db.errors",
    "wb_cli.server.db.pool",
}


def fingerprint_of(folder: Path) -> str:
    """The fingerprint of the package in a folder."""
    return subprocess.run(
        [sys.executable, "-c", FINGERPRINT],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def imported_by(source: str) -> set[str]:
    """The project's modules that a source file imports."""
    statements = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    return {str(node.module) for node in statements if str(node.module).startswith("wb_cli")}


def test_only_code_that_shapes_data_moves_the_fingerprint(tmp_path):
    """So an upgrade keeps the cache, and the cache is emptied when it must be."""
    copy = tmp_path / "wb_cli"
    shutil.copytree(Path(wb_cli.__file__).parent, copy)
    before = fingerprint_of(tmp_path)

    for changed in ("server/page/page.py", "server/db/pool.py", "__init__.py"):
        with (copy / changed).open("a") as source:
            source.write("# changed\n")
    same = fingerprint_of(tmp_path)
    with (copy / "server/db/queries_items.py").open("a") as query:
        query.write("# another query\n")

    assert same == before
    assert fingerprint_of(tmp_path) != before


def test_the_modules_that_a_query_is_made_from_are_all_in_the_fingerprint():
    """A new module that a query imports is fingerprinted, or is named above as shaping nothing."""
    modules = fingerprinted()

    imported = {
        name
        for module in modules.values()
        for name in imported_by(Path(str(module.__file__)).read_text("utf-8"))
    }

    assert imported - SHAPES_NOTHING <= set(modules)
    assert imported >= SHAPES_NOTHING
