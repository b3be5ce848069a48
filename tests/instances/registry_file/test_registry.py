"""The entries of the registry file are judged: instances, and refused entries."""

from pathlib import Path

import pytest
from instances.examples import add, entry, write

from wb_cli.errors import UsageError
from wb_cli.instances.registry_file import text as registry_text
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.instances.registry_file.store import RegistryFile


def test_instances_are_sorted_by_id(registry_file: RegistryFile, path: Path) -> None:
    write(path, entry("b", 9001), entry("a", 9002))
    assert registry_file.read().ids() == ("a", "b")


def test_a_broken_entry_is_refused_and_the_others_are_valid(
    registry_file: RegistryFile, path: Path
) -> None:
    write(path, entry("a", 9001), {"id": "old", "port": "9100"}, 7, entry("b", 9002))
    registry = registry_file.read()
    assert registry.ids() == ("a", "b")
    assert [(entry.index, entry.name) for entry in registry.refused] == [
        (1, "line 8 (old)"),
        (2, "line 12 (an entry)"),
    ]


def test_an_entry_with_the_same_key_twice_is_refused(
    registry_file: RegistryFile, path: Path
) -> None:
    path.write_text('[{"id":"a","label":"A","port":9000,"port":9001,"serverVersion":"1"}]')
    (refused,) = registry_file.read().refused
    assert 'the key "port" stands in it twice' in refused.problem


def test_refused_entries_claim_ports_too(registry_file: RegistryFile, path: Path) -> None:
    write(path, entry("a", 9000), {"id": "B", "port": 9100}, {"id": "C", "port": "x"})
    assert registry_file.read().list_claimed_ports() == {9000, 19000, 9100, 19100}


def test_ports_are_claimed_on_a_host(registry_file: RegistryFile, path: Path) -> None:
    far = "ssh://root@far"
    write(
        path,
        entry("a", 9000),
        entry("b", 9000, host=far),
        {"id": "C", "port": 9100, "host": f"{far}/"},
        {"id": "D", "port": 9200, "host": "far"},
    )
    registry = registry_file.read()
    assert registry.ids() == ("a", "b")
    assert registry.list_hosts() == [None, far]
    assert registry.list_claimed_ports() == {9000, 19000, 9200, 19200}
    assert registry.list_claimed_ports(far) == {9000, 19000, 9100, 19100}


def test_find_suggests_similar_ids(registry_file: RegistryFile) -> None:
    add(registry_file, entry("sierra-leone"))
    with pytest.raises(UsageError, match='no instance "siera-leone"') as caught:
        registry_file.read().find("siera-leone")
    assert "sierra-leone" in caught.value.hint


def test_find_passes_over_refused_entries_of_other_ids(
    registry_file: RegistryFile, path: Path
) -> None:
    write(path, entry("a") | {"port": "x"}, entry("b") | {"port": "x"})
    with pytest.raises(UsageError, match="b: the entry is refused"):
        registry_file.read().find("b")
    with pytest.raises(UsageError, match='no instance "c"'):
        registry_file.read().find("c")


def test_the_name_of_a_setting_is_no_instance_and_the_hint_says_so() -> None:
    with pytest.raises(UsageError) as caught:
        Registry().find("mount_path")
    assert caught.value.hint.startswith("mount_path is a setting, the same for all")


def test_each_field_and_each_variable_has_its_line() -> None:
    first_lines = b'[\n{"id": "a",\n\n "tags": [\n"x"], "env" :\n {"A": "1",\n'
    text = first_lines + b'  "B": "2"}, "x":{}}, {}\n, 7]'
    first, second, third = registry_text.parse(text, "")
    assert registry_text.locate_fields(first) == {
        "id": 2, "tags": 4, "env": 5, "x": 7, "env.A": 6, "env.B": 7,
    }  # fmt: skip
    assert registry_text.locate_fields(second) == {}
    assert registry_text.locate_fields(third) == {}
    assert registry_text.locate_fields(registry_text.Entry.of({"id": "a"})) == {}
