"""A change of several entries is made to all of them or to none."""

from pathlib import Path

import pytest
from instances.examples import entry, write

from wb_cli.errors import UsageError
from wb_cli.instances.declaring.together import Changed, change_together
from wb_cli.instances.registry_file.changes import assign
from wb_cli.instances.registry_file.store import RegistryFile


@pytest.fixture
def three(path: Path, registry_file: RegistryFile) -> RegistryFile:
    """Two instances with a tag, and a refused entry with it."""
    write(
        path,
        entry("mali", 9000, tags=["west"]),
        entry("niger", 9001, tags=["west"]),
        entry("old", 9002) | {"port": "9002", "tags": ["east"]},
    )
    return registry_file


def change(file: RegistryFile, selector: str, *words: str) -> tuple[Changed, ...]:
    with file.edit() as edit:
        return change_together(edit, [selector], lambda raw: assign(raw, words))


def test_every_selected_entry_is_changed(three: RegistryFile) -> None:
    changed = change(three, "@west", "memory=2g", "tags+=field")
    assert [each.after.id for each in changed] == ["mali", "niger"]
    assert [str(difference) for difference in changed[0].differences] == [
        'tags: ["west"] -> ["west", "field"]',
        'memory: not set -> "2g"',
    ]
    assert [instance.tags for instance in three.read().instances] == [("west", "field")] * 2
    document = changed[0].as_document()
    assert (document["id"], document["entry"]["memory"]) == ("mali", "2g")


def test_a_refused_entry_is_repaired_and_was_no_instance_before(three: RegistryFile) -> None:
    (repaired,) = change(three, "@east", "port=9002")
    assert (repaired.before, repaired.after.id) == (None, "old")


def test_if_one_instance_cannot_take_it_nothing_is_written_and_all_are_named(
    three: RegistryFile,
) -> None:
    before = three.path.read_bytes()
    with pytest.raises(UsageError) as caught:
        change(three, "@west", "port=9100")
    assert three.path.read_bytes() == before
    assert caught.value.overview == "1 of 2 instances cannot take it, so nothing was changed"
    (detail,) = caught.value.details
    assert detail.startswith("niger: port 9100 (PostgreSQL: 19100) must be its own; mali uses")


def test_what_an_instance_cannot_take_is_told_with_its_id(three: RegistryFile) -> None:
    write(three.path, entry("a", 9000), entry("b", 9001) | {"tags": "x"}, entry("c", 9002))
    with pytest.raises(UsageError) as caught:
        change(three, "all", "tags+=y")
    assert caught.value.details == ('b: tags "x" is not a list',)


def test_a_mistake_in_the_words_is_told_once(three: RegistryFile) -> None:
    with pytest.raises(UsageError) as caught:
        change(three, "@west", "memory=lots")
    assert caught.value.message.startswith('memory "lots" must be')
    assert caught.value.details == ()


def test_the_error_of_one_instance_is_as_it_is(three: RegistryFile) -> None:
    with pytest.raises(UsageError, match="the id of mali cannot change"):
        change(three, "mali", "id=other")


def test_an_entry_without_an_id_cannot_be_changed(three: RegistryFile) -> None:
    write(three.path, entry("a", 9000), {"label": "nameless"})
    with pytest.raises(UsageError, match="id is missing"):
        change(three, "all", "memory=2g")
