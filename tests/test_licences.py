"""What wb is delivered with, and what runs in the platform's image, may be passed on with it."""

import re
from importlib.metadata import Distribution, distribution, requires

import pytest
from packaging.requirements import Requirement

# They ask for no more than their notice. The weak copyleft of MPL-2.0 binds changes of its own
# files alone.
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL-2\.0|Mozilla Public License 2\.0|"
    r"Unlicense|0BSD)\b",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|Affero|SSPL|BUSL|Commons Clause)\b", re.IGNORECASE)


def collect_all(name: str, extras: tuple[str, ...] = ("",)) -> set[str]:
    """Collect what a distribution needs on this machine, and what that needs in turn."""
    found: set[str] = set()
    for text in requires(name) or ():
        needed = Requirement(text)
        marker = needed.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras):
            continue
        if needed.name not in found:
            found |= {needed.name} | collect_all(needed.name, ("", *needed.extras))
    return found


def read_licences(package: Distribution) -> str:
    """Read what a distribution says of its licence: the expression, the field, the classifiers."""
    told = package.metadata.json
    classifiers = [each for each in told.get("classifier", ()) if each.startswith("License")]
    field = str(told.get("license", "")).splitlines()[:1]
    return " | ".join([str(told.get("license_expression", "")), *field, *classifiers])


DELIVERED = sorted(collect_all("wb-cli", ("", "server")), key=str.lower)


def test_what_is_delivered_is_known() -> None:
    assert {"docker", "typer", "asyncpg", "valkey"} <= set(DELIVERED)


@pytest.mark.parametrize("name", DELIVERED)
def test_a_dependency_may_be_passed_on(name: str) -> None:
    licences = read_licences(distribution(name))
    assert PERMISSIVE.search(licences), f"{name}: {licences or 'it names no licence'}"
    assert not COPYLEFT.search(licences), f"{name}: {licences}"
