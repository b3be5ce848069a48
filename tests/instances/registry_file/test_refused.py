"""What is said of an entry that is refused: why, what corrects it, and what it was meant to be."""

from typing import Any

import pytest
from instances.examples import entry

from wb_cli.instances.registry_file.refused import RefusedEntry
from wb_cli.instances.registry_file.registry import judge
from wb_cli.instances.registry_file.text import Entry


def refused(*values: Any) -> RefusedEntry:
    """The last of these entries, which is refused."""
    return judge([Entry.of(value) for value in values]).refused[-1]


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({"port": "9000"}, "`wb config set demo port=9000` corrects it."),
        ({"port": "soon"}, "`wb config set demo port=...` corrects it."),
        ({"port": None}, "`wb config set demo port=...` corrects it."),
        ({"label": ""}, "`wb config set demo label=...` corrects it."),
        ({"port": "9000", "cpus": "1.5"}, "`wb config set demo port=9000 cpus=1.5` corrects it."),
    ],
)
def test_the_remedy_is_a_command(changes: dict[str, Any], command: str) -> None:
    assert refused(entry() | changes).remedy == command


@pytest.mark.parametrize("value", [7, {"id": 7}, {"id": "Bad One"}])
def test_what_has_no_id_is_corrected_by_hand(value: Any) -> None:
    found = refused(value)
    assert found.remedy.startswith("Correct it at line ")
    assert found.title == found.name
    assert found.make_error().message.startswith(f"{found.name} is refused: ")


def test_what_has_an_id_is_called_by_it() -> None:
    found = refused(entry() | {"port": "9000"})
    assert found.title == "demo"
    assert found.make_error().message.startswith("demo: the entry is refused: port")
    assert found.make_error().hint == found.remedy


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["a", "b"], ("a", "b")),
        (["a", 7], ("a",)),
        ("a, b", ("a", "b")),
        (7, ()),
        (None, ()),
    ],
)
def test_its_tags_are_read_as_far_as_they_can_be(tags: Any, expected: tuple[str, ...]) -> None:
    assert refused({"id": "demo", "tags": tags}).tags == expected


@pytest.mark.parametrize(("version", "expected"), [("1.6", "1.6"), (2, "2"), ([], "")])
def test_its_version_is_read_as_far_as_it_can_be(version: Any, expected: str) -> None:
    assert refused({"id": "demo", "serverVersion": version}).server_version == expected


def test_of_what_is_no_object_nothing_is_read() -> None:
    found = refused(7)
    assert (found.id, found.tags, found.server_version) == (None, (), "")


def test_as_json_it_says_where_and_why_and_holds_no_value() -> None:
    found = refused(entry() | {"port": "x", "env": {"A": "hush"}})
    document = found.as_document()
    assert document["id"] == "demo"
    assert document["problem"] == found.problem
    assert document["remedy"] == found.remedy
    assert "hush" not in str(document)
