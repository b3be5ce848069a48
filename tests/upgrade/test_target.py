"""What another version changes in an entry, and how that is taken back."""

import pytest

from wb_cli.errors import UsageError
from wb_cli.upgrade.target import Version, change_entry, put_back, split_reference

PLAIN = {"id": "demo", "serverVersion": "1.6.7", "memory": "2g"}
OWN = {**PLAIN, "image": "registry.example.org:5000/team/platform:1.6.7"}
DIGEST = {**PLAIN, "image": "team/platform@sha256:" + "0" * 64}


def test_a_version_is_declared_and_nothing_else_changes() -> None:
    assert change_entry(PLAIN, "1.7.0") == {**PLAIN, "serverVersion": "1.7.0"}


def test_a_version_is_the_tag_of_an_image_of_its_own() -> None:
    changed = change_entry(OWN, "1.7.0")
    assert changed["image"] == "registry.example.org:5000/team/platform:1.7.0"
    assert changed["serverVersion"] == "1.7.0"


@pytest.mark.parametrize("to", ["team/platform:2", "platform@sha256:abc", "team/platform"])
def test_a_reference_becomes_the_image(to: str) -> None:
    assert change_entry(PLAIN, to) == {**PLAIN, "image": to}


def test_a_digest_has_no_version_and_the_remedy_is_named() -> None:
    with pytest.raises(UsageError) as refused:
        change_entry(DIGEST, "1.7.0")
    assert "--to team/platform:1.7.0" in refused.value.hint


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("platform:1", ("platform", "1")),
        ("host:5000/platform", ("host:5000/platform", "")),
        ("host:5000/platform:1", ("host:5000/platform", "1")),
        ("platform", ("platform", "")),
        ("platform@sha256:abc", ("platform", "")),
    ],
)
def test_a_reference_is_split_at_its_tag(reference: str, parts: tuple[str, str]) -> None:
    assert split_reference(reference) == parts


@pytest.mark.parametrize("entry", [PLAIN, OWN])
def test_what_was_put_back_is_what_was_there(entry: dict[str, str]) -> None:
    before = Version(entry["serverVersion"], entry.get("image", ""), "any", "sha256:1")
    for to in ("1.7.0", "other:2"):
        assert put_back(change_entry(entry, to), before) == entry


def test_a_change_of_another_field_meanwhile_stays() -> None:
    before = Version("1.6.7", "", "any", "sha256:1")
    changed = {**change_entry(PLAIN, "1.7.0"), "memory": "4g"}
    assert put_back(changed, before) == {**PLAIN, "memory": "4g"}
