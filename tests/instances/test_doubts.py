"""What is allowed in the registry file, and probably not meant."""

from pathlib import Path

from instances.examples import entry, write

from wb_cli.instances.doubts import find_doubts
from wb_cli.instances.registry_text import Entry
from wb_cli.instances.store import RegistryFile


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


def test_a_doubt_says_where_the_entry_stands(path: Path, registry_file: RegistryFile) -> None:
    write(path, entry("a", 9000), entry("b", 9001, zzz=1))
    (doubt,) = registry_file.find_doubts()
    assert doubt.name == "entry 2 (b), line 8"
    assert doubt.as_document() == {"index": 1, "line": 8, "warning": doubt.text}
