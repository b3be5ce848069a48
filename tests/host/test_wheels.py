"""What the platform image gets: the container's half, and what it asks for."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from wb_cli.errors import WbError
from wb_cli.host import wheels


def test_the_package_holds_the_containers_half_and_nothing_of_the_operators() -> None:
    names = set(wheels.package())
    folders = {name.split("/")[1] for name in names if name.count("/") > 1}
    assert folders == {"server"}
    assert {"wb_cli/contract.py", "wb_cli/errors.py", "wb_cli/server/__main__.py"} <= names
    assert "wb_cli/__main__.py" not in names
    assert not [name for name in names if "__pycache__" in name]


def test_it_asks_for_the_servers_requirements_alone() -> None:
    needed = wheels.server_requirements()
    assert any(one.startswith("uvicorn") for one in needed)
    assert not [one for one in needed if one.startswith(("docker", "typer", "rich"))]


def test_it_asks_for_all_that_its_modules_import() -> None:
    distributions = metadata.packages_distributions()
    imported = {
        canonical(distribution)
        for name, source in wheels.package().items()
        if name.endswith(".py")
        for module in imports(source.decode())
        for distribution in distributions.get(module, [])
    }
    asked_for = {canonical(re.split(r"[^\w-]", one)[0]) for one in wheels.server_requirements()}
    assert imported - {"wb-cli"} <= asked_for


def canonical(distribution: str) -> str:
    """A distribution's name, written in the one way (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def imports(source: str) -> set[str]:
    """The top-level names that a module imports."""
    nodes = [*ast.walk(ast.parse(source))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in plain | parts}


def test_every_module_of_the_server_imports_from_the_copied_package(tmp_path: Path) -> None:
    folder = tmp_path / "copied"
    for name, content in wheels.package().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    script = f"""
import importlib, pkgutil, sys
sys.path.insert(0, {str(folder)!r})
import wb_cli.server
assert wb_cli.__file__.startswith({str(folder)!r}), wb_cli.__file__
for module in pkgutil.walk_packages(wb_cli.server.__path__, "wb_cli.server."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
foreign = {{"docker", "typer", "rich"}} & set(sys.modules)
assert not foreign, foreign
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_wb_asks_for_pip_which_pipx_and_uv_leave_out() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    needed = tomllib.loads(project.read_text())["project"]["dependencies"]
    assert any(one.startswith("pip>") for one in needed)


def test_a_python_without_pip_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda _: None)
    with pytest.raises(WbError, match="has no pip") as failure:
        wheels.download(tmp_path)
    assert "ensurepip" in failure.value.hint
