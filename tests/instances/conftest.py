"""Fixtures of the tests of instances."""

from pathlib import Path

import pytest

from wb_cli.instances.registry_file.store import RegistryFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the test's registry file, which need not exist yet."""
    return tmp_path / "servers.json"


@pytest.fixture
def registry_file(path: Path) -> RegistryFile:
    """A registry file of the test's own, absent at first."""
    return RegistryFile(path)
