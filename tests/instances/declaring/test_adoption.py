"""Entries of another registry file are taken over, or named with the reason against them."""

import json
from pathlib import Path
from typing import Any

import pytest
from instances.examples import entry, write

from wb_cli.instances.declaring.adoption import Adoption, adopt
from wb_cli.instances.registry_file.store import RegistryFile
from wb_cli.instances.registry_file.text import parse


@pytest.fixture
def declared(path: Path, registry_file: RegistryFile) -> RegistryFile:
    """A registry file with the instance demo at port 9000."""
    write(path, entry("demo", 9000))
    return registry_file


def take(file: RegistryFile, *foreign: Any) -> Adoption:
    return take_text(file, json.dumps(foreign, indent=1))


def take_text(file: RegistryFile, text: str) -> Adoption:
    with file.edit() as edit:
        return adopt(edit, parse(text.encode(), "foreign"))


def test_valid_entries_are_added_with_their_unknown_fields_and_a_warning(
    declared: RegistryFile,
) -> None:
    adoption = take(declared, entry("mali", 9001, frnech=True), entry("niger", 9002))
    assert [instance.id for instance in adoption.added] == ["mali", "niger"]
    assert [(doubt.id, doubt.text) for doubt in adoption.doubts] == [
        ("mali", 'unknown field "frnech". Did you mean french?')
    ]
    assert declared.read_entry("mali")["frnech"] is True


def test_an_entry_that_is_here_already_is_unchanged(declared: RegistryFile) -> None:
    before = declared.path.read_bytes()
    assert take(declared, entry("demo", 9000)).unchanged == ("demo",)
    assert declared.path.read_bytes() == before


@pytest.mark.parametrize(
    ("foreign", "problem"),
    [
        (entry("demo", 9005), "the id is taken here by another instance (port: 9000 -> 9005)"),
        (entry("mali", 9000), "port 9000 (PostgreSQL: 19000) must be its own; demo uses 9000"),
        (entry("mali", 9001, instanceDir="demo"), 'instanceDir "demo" must be its own'),
        (entry("mali") | {"port": "9001"}, 'port "9001" must be a whole number'),
        (entry("Mali", 9001), 'id "Mali" must be 1 to 40 of a-z'),
        ({"label": "x"}, "id is missing"),
        (7, "an entry must be a JSON object"),
    ],
)
def test_what_cannot_be_taken_is_named_with_its_line_and_the_others_are_taken(
    declared: RegistryFile, foreign: Any, problem: str
) -> None:
    adoption = take(declared, entry("zambia", 9300), foreign)
    (rejection,) = adoption.rejected
    assert problem in rejection.problem
    assert rejection.line == 8
    assert rejection.as_document()["id"] == rejection.name
    assert [instance.id for instance in adoption.added] == ["zambia"]


def test_of_two_entries_of_the_other_file_that_clash_the_first_is_taken(
    declared: RegistryFile,
) -> None:
    adoption = take(declared, entry("mali", 9001), entry("niger", 9001), entry("mali", 9002))
    assert [instance.id for instance in adoption.added] == ["mali"]
    assert [rejection.name for rejection in adoption.rejected] == ["niger", "mali"]


def test_an_entry_with_a_key_twice_is_refused(declared: RegistryFile) -> None:
    text = '[{"id": "a", "label": "A", "port": 9001, "port": 9002, "serverVersion": "1"}]'
    assert "stands in it twice" in take_text(declared, text).rejected[0].problem
