"""The locks agree with what the project asks for, and name no place to get it from."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.locks import ROOT, Lock, list_locks
from test_licences import collect_all

LOCKS = list_locks()
PACKAGE = re.compile(
    r"[\w.-]+==\S+( ; [^\\]+)? \\\n"  # its version, and where it is wanted
    r"(    --hash=sha256:[0-9a-f]{64}( \\\n)?)+"
)


def name_of(lock: Lock) -> str:
    return str(lock.path.relative_to(ROOT))


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_a_lock_was_made_for_what_the_project_asks_for(lock: Lock) -> None:
    asked = lock.path.read_text().startswith(lock.header)
    assert asked, f"pyproject.toml asks for something else than {name_of(lock)}: `make lock`"


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_each_version_of_a_lock_is_one_that_the_project_allows(lock: Lock) -> None:
    pins = lock.read_pins()
    for needed in map(Requirement, lock.requirements):
        assert needed.specifier.contains(pins[canonicalize_name(needed.name)]), needed


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_each_package_of_a_lock_has_the_digests_of_its_files(lock: Lock) -> None:
    text = lock.path.read_text().removeprefix(lock.header)
    packages = re.split(r"\n(?=\w)", text.strip())
    assert len(packages) == len(lock.read_pins())
    for package in packages:
        assert PACKAGE.fullmatch(package)


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_a_lock_names_no_place_to_get_packages_from(lock: Lock) -> None:
    text = lock.path.read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|@ |/", text.removeprefix(lock.header))


def test_the_lock_of_wb_has_all_that_it_needs_here() -> None:
    delivered = {canonicalize_name(name) for name in collect_all("wb-cli", ("", "server"))}
    assert delivered <= set(LOCKS[0].read_pins())
