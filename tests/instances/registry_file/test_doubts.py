"""What is allowed in the registry file, and probably not meant."""

from pathlib import Path

from instances.examples import entry, write

from wb_cli.instances.registry_file.doubts import find_doubts
from wb_cli.instances.registry_file.store import RegistryFile
from wb_cli.instances.registry_file.text import Entry


def test_an_entry_without_a_mistake_raises_no_doubt() -> None:
    assert list(find_doubts([Entry.of(entry(env={"A": "1"}))])) == []


def test_an_entry_that_is_no_object_raises_no_doubt_as_it_is_refused() -> None:
    assert list(find_doubts([Entry.of(7), Entry.of(entry(env="A=1"))])) == []


def test_an_unknown_field_is_named_with_a_near_one() -> None:
    (near,) = find_doubts([Entry.of(entry(memroy="2g"))])
    assert near.text == 'unknown field "memroy". Did you mean memory?'
    (far,) = find_doubts([Entry.of(entry(zzz=1))])
    assert far.text == 'unknown field "zzz". It is kept, and means nothing to wb.'


def test_a_variable_that_wb_sets_itself_is_named() -> None:
    (doubt,) = find_doubts([Entry.of(entry(env={"PORT": "1", "A": "1"}))])
    assert doubt.text.startswith("env.PORT: wb sets this variable itself: ")


def test_a_doubt_says_on_which_line_it_stands(path: Path, registry_file: RegistryFile) -> None:
    write(path, entry("a", 9000), entry("b", 9001, zzz=1))
    (doubt,) = registry_file.find_doubts()
    assert (doubt.id, doubt.name) == ("b", "line 13 (b)")
    assert doubt.as_document() == {"index": 1, "line": 13, "warning": doubt.text}


def test_only_a_field_with_nearly_the_name_of_another_is_a_typo() -> None:
    doubts = find_doubts([Entry.of(entry(frnech=True, colour="x", env={"PORT": "1"}))])
    assert [doubt.is_typo for doubt in doubts] == [True, False, False]
