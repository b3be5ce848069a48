"""A cache is declared once. Everything else follows from its declaration."""

import ast
import inspect
import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from support.services import wait_until

import wb_cli
from wb_cli.server.db import loaded
from wb_cli.server.db.queries_versions import ObjectVersion, RunVersion
from wb_cli.server.results import declared
from wb_cli.server.results.declared import DECLARED, MetricOf, ReplicantsOf
from wb_cli.server.results.fingerprint import SHARED
from wb_cli.server.results.names import head, part
from wb_cli.server.results.wants import Declaration, ObjectOf

# The lines that a newcomer adds at the end of `declared.py`. They use an existing query.
A_NEW_CACHE = """
LABELS: Declaration[ObjectOf] = Declaration(
    "po_labels",
    "label",
    (queries_objects,),
    uniqueness=lambda of: f"{part(of.project_id)}|{of.known.id}",
    version=lambda of: of.known.last_updated,
    load=lambda db, of: queries_objects.load_object_detail(db, of.project_id, of.known.id),
    of_object=lambda of: of,
)
DECLARED = (*DECLARED, LABELS)
"""


@pytest.fixture
def package_with_a_new_cache(tmp_path: Path) -> Path:
    """The folder of a copy of the package that declares one more cache."""
    copy = tmp_path / "wb_cli"
    shutil.copytree(Path(wb_cli.__file__).parent, copy)
    with (copy / "server/results/declared.py").open("a") as file:
        file.write(A_NEW_CACHE)
    return tmp_path


@pytest.mark.services
def test_a_new_cache_is_warmed_measured_and_cleared_by_its_declaration_alone(
    demo, package_with_a_new_cache
):
    paths = {"PYTHONPATH": str(package_with_a_new_cache), "PYTHONSAFEPATH": "1"}

    server = demo.start_warm(**paths)

    assert server.health()["warmUp"]["failed"] == 0
    assert server.metric("wb_cache_entries", cache="po_labels") == 4
    with demo.valkey() as client:
        wait_until(lambda: len(client.keys("cache:po_labels:*")) == 4, "written behind")
    assert server.http.delete("/api/caches/po_labels").json() == {"cleared": {"po_labels": 4}}
    assert server.metric("wb_cache_entries", cache="po_labels") == 0
    assert "po_labels" in server.http.delete("/api/caches").json()["cleared"]


def test_the_hashes_of_projects_caches_begin_with_the_project_s_id():
    run = RunVersion("1", is_running=False)
    known = ObjectVersion("a", "A", "1", "m", "r", "m1", run, {"values": ["v"]}, ["v"], "sum")
    of = ObjectOf("no:r|th%", known)
    subjects = [of, MetricOf(of.project_id, "m", run), ReplicantsOf(of.project_id, known, "b")]
    of_projects = [cache for cache in DECLARED if cache.is_of_projects]
    made = []
    for cache in of_projects:
        for subject in subjects:
            with suppress(AttributeError):
                made.append((cache.name, head(cache.uniqueness(subject))))

    assert {name for name, _ in made} == {cache.name for cache in of_projects}
    assert {found for _, found in made} == {part(of.project_id)}


def test_no_two_caches_have_one_name():
    assert len({cache.name for cache in DECLARED}) == len(DECLARED)


def test_every_declaration_makes_a_cache_and_stands_in_the_table():
    declarations = {each for each in vars(declared).values() if isinstance(each, Declaration)}
    assert declarations == set(DECLARED)
    rows = re.findall(r"^\| ``(\w+)`` \|", declared.__doc__, re.MULTILINE)
    assert sorted(rows) == sorted(cache.name for cache in DECLARED)


def query_modules(module) -> set[str]:
    """The modules of queries that a module imports."""
    imports = (node for node in ast.walk(ast.parse(inspect.getsource(module))))
    names = (node.module or "" for node in imports if isinstance(node, ast.ImportFrom))
    return {name for name in names if name.startswith("wb_cli.server.db.queries_")}


def test_the_fingerprint_has_every_module_of_queries_that_a_cache_loads_by():
    counted = {module.__name__ for cache in DECLARED for module in (*cache.queries, *SHARED)}
    used = {name for name in dir(declared) if name.startswith("queries_")}
    for module in (*SHARED, *(module for cache in DECLARED for module in cache.queries)):
        assert query_modules(module) <= counted
    assert {f"wb_cli.server.db.{name}" for name in used} <= counted
    assert loaded.__name__ in counted
    assert counted <= set(sys.modules)
