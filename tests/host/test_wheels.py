"""The content of the platform image: the container's half of wb, and its requirements."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from wb_cli.errors import WbError
from wb_cli.host import wheels
from wb_cli.instances.local_images import PLATFORM
from wb_cli.provision.recipes import read_files


def test_the_package_holds_the_containers_half_and_nothing_of_the_operators() -> None:
    names = set(wheels.read_package())
    folders = {name.split("/")[1] for name in names if name.count("/") > 1}
    assert folders == {"server"}
    assert {"wb_cli/contract.py", "wb_cli/errors.py", "wb_cli/server/__main__.py"} <= names
    assert "wb_cli/__main__.py" not in names
    assert not [name for name in names if "__pycache__" in name]


def read_locked() -> set[str]:
    """The names of the packages that the platform's image gets."""
    lock = read_files(PLATFORM)["requirements.txt"].decode()
    return set(re.findall(r"^([\w-]+)==", lock, re.MULTILINE))


def test_the_locked_packages_are_those_of_the_server_alone() -> None:
    assert "uvicorn" in read_locked()
    assert not {"docker", "typer", "rich", "pip"} & read_locked()


def test_the_locked_packages_cover_all_imports_of_the_server() -> None:
    distributions = metadata.packages_distributions()
    imported = {
        normalise(distribution)
        for name, source in wheels.read_package().items()
        if name.endswith(".py")
        for module in find_imports(source.decode())
        for distribution in distributions.get(module, [])
    }
    assert imported - {"wb-cli"} <= read_locked()


def test_a_wheel_that_is_another_than_the_locked_one_is_refused(tmp_path: Path) -> None:
    lock, own = tmp_path / "requirements.txt", tmp_path / "own"
    own.mkdir()
    with zipfile.ZipFile(own / "forged-1-py3-none-any.whl", "w") as wheel:
        told = "Metadata-Version: 2.1\nName: forged\nVersion: 1\n"
        wheel.writestr("forged-1.dist-info/METADATA", told)
        wheel.writestr("forged-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    lock.write_text(f"--no-index\n--find-links {own}\nforged==1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(WbError, match=r"(?s)DO NOT MATCH THE HASHES"):
        wheels.download(tmp_path / "fetched", [lock])
    assert not list((tmp_path / "fetched").glob("*.whl"))


def normalise(distribution: str) -> str:
    """The normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def find_imports(source: str) -> set[str]:
    """The top-level names that a module imports."""
    nodes = [*ast.walk(ast.parse(source))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in plain | parts}


def test_every_module_of_the_server_imports_from_the_copied_package(tmp_path: Path) -> None:
    folder = tmp_path / "copied"
    for name, content in wheels.read_package().items():
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


def test_wb_requires_pip_because_pipx_and_uv_do_not_install_it() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    needed = tomllib.loads(project.read_text())["project"]["dependencies"]
    assert any(line.startswith("pip>") for line in needed)


def test_the_error_without_pip_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda _: None)
    with pytest.raises(WbError, match="has no pip") as failure:
        wheels.download(tmp_path, [])
    assert "ensurepip" in failure.value.hint
