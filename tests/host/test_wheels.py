"""The wheel of the container's half."""

import ast
import io
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import wb_cli
from wb_cli.errors import WbError
from wb_cli.host import wheels


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    name, content = wheels.server_wheel()
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_it_holds_the_containers_half_and_nothing_of_the_operators(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[1] for name in names if name.count("/") > 1}
    assert folders == {"server"}
    assert {"wb_cli/contract.py", "wb_cli/errors.py", "wb_cli/server/__main__.py"} <= set(names)
    assert not [name for name in names if "__pycache__" in name]


def test_the_same_content_is_the_same_bytes() -> None:
    assert wheels.server_wheel() == wheels.server_wheel()


def test_it_asks_for_the_servers_requirements_alone() -> None:
    needed = wheels.server_requirements()
    assert any(one.startswith("uvicorn") for one in needed)
    assert not [one for one in needed if one.startswith(("docker", "typer", "rich"))]
    (written,) = (
        text
        for name, text in contents().items()
        if name == f"wb_cli-{wb_cli.__version__}.dist-info/METADATA"
    )
    assert [f"Requires-Dist: {one}" for one in needed] == written.splitlines()[3:]


def test_it_asks_for_all_that_its_modules_import() -> None:
    distributions = metadata.packages_distributions()
    imported = {
        distribution.lower()
        for source in (text for name, text in contents().items() if name.endswith(".py"))
        for module in imports(source)
        for distribution in distributions.get(module, [])
    }
    asked_for = {re.split(r"[^\w-]", one)[0].lower() for one in wheels.server_requirements()}
    assert imported - {"wb-cli"} <= asked_for


def imports(source: str) -> set[str]:
    """The top-level names that a module imports."""
    nodes = [*ast.walk(ast.parse(source))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in plain | parts}


def test_pip_installs_it_and_every_module_of_the_server_imports(
    wheel: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "installed"
    install = ["install", "--quiet", "--no-index", "--no-deps", "--target", str(folder), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True)
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


def test_a_python_without_pip_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda _: None)
    with pytest.raises(WbError, match="has no pip") as failure:
        wheels.download(tmp_path)
    assert "ensurepip" in failure.value.hint


def contents() -> dict[str, str]:
    archive = zipfile.ZipFile(io.BytesIO(wheels.server_wheel()[1]))
    return {name: archive.read(name).decode(errors="replace") for name in archive.namelist()}
