"""What vulture is told to allow is what it would report: no name is allowed in vain."""

import tomllib
from pathlib import Path

from vulture import Vulture

import wb_cli

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def test_each_name_that_vulture_allows_would_be_reported_without_that() -> None:
    told = tomllib.loads(PYPROJECT.read_text())["tool"]["vulture"]
    vulture = Vulture(ignore_decorators=told["ignore_decorators"])
    vulture.scavenge([Path(wb_cli.__file__).parent])
    assert {str(unused.name) for unused in vulture.get_unused_code()} == set(told["ignore_names"])
