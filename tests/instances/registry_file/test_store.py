"""The registry file is read and changed."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from instances.examples import add, entry, replace, update, write

from wb_cli.errors import UsageError
from wb_cli.instances.registry_file.entries import EntryError
from wb_cli.instances.registry_file.fields import FIELDS_BY_NAME
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.instances.registry_file.store import RegistryFile

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
UNKNOWN = st.dictionaries(st.text().filter(lambda name: name not in FIELDS_BY_NAME), JSON)


def test_an_absent_file_is_an_empty_registry_and_stays_absent(registry_file: RegistryFile) -> None:
    assert registry_file.read() == Registry()
    assert not registry_file.path.exists()


def test_if_two_entries_claim_the_same_the_first_by_id_is_valid_before_and_after_a_write(
    registry_file: RegistryFile, path: Path
) -> None:
    write(path, entry("b", 9000), entry("a", 9000))
    assert registry_file.read().ids() == ("a",)
    add(registry_file, entry("c", 9001))
    assert registry_file.read().ids() == ("a", "c")


def test_a_change_of_another_entry_keeps_the_text_of_a_refused_entry(
    registry_file: RegistryFile, path: Path
) -> None:
    words = '{ "id" : "Bad One",\n\t"port": "9100", "x": 1.10e2, "port": "\\u00e9" }'
    path.write_text(f"[{json.dumps(entry('b', 9001))}, {words}]")
    add(registry_file, entry("a", 9002))
    registry_file.remove("b")
    assert words in path.read_text()
    assert registry_file.read().refused[0].id == "Bad One"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)
@given(unknown=UNKNOWN)
def test_unknown_fields_are_written_back(tmp_path: Path, unknown: dict[str, Any]) -> None:
    registry_file = RegistryFile(tmp_path / "servers.json")
    registry_file.path.unlink(missing_ok=True)
    add(registry_file, unknown | entry("a", 9000))
    add(registry_file, entry("b", 9001))
    update(registry_file, "a", lambda raw: raw | {"port": 9005})
    assert registry_file.read().find("a").raw == unknown | entry("a", 9005)


def test_a_lone_surrogate_is_kept_when_its_entry_changes(
    registry_file: RegistryFile, path: Path
) -> None:
    path.write_text(json.dumps([entry("a", 9000, note="\ud800 \U0001f600")]))
    update(registry_file, "a", lambda raw: raw | {"port": 9001})
    assert registry_file.read().find("a").raw["note"] == "\ud800 \U0001f600"
    assert "\U0001f600" in path.read_text("utf-8")


def test_add_writes_sorted_readable_json(registry_file: RegistryFile, path: Path) -> None:
    add(registry_file, entry("b", 9001, label="Côte d'Ivoire"))
    add(registry_file, entry("a", 9002))
    assert [entry["id"] for entry in json.loads(path.read_text())] == ["a", "b"]
    assert "Côte d'Ivoire" in path.read_text("utf-8")
    assert path.read_text().endswith("}\n]\n")


@pytest.mark.parametrize(
    "bad",
    [entry("a", 9005), entry("b", 9000), entry("B", 9005), entry("b", 9005, instanceDir="a")],
    ids=["id taken", "port taken", "bad id", "folder taken"],
)
def test_add_refuses_an_invalid_or_conflicting_entry_and_writes_nothing(
    registry_file: RegistryFile, path: Path, bad: dict[str, Any]
) -> None:
    before = write(path, entry("a", 9000))
    with pytest.raises(UsageError):
        add(registry_file, bad)
    assert path.read_bytes() == before


def test_add_refuses_the_id_of_a_refused_entry(registry_file: RegistryFile, path: Path) -> None:
    before = write(path, entry("a") | {"port": "9000"})
    with pytest.raises(UsageError, match="there is an instance a already"):
        add(registry_file, entry("a", 9001))
    assert path.read_bytes() == before


def test_replace_replaces_one_entry(registry_file: RegistryFile) -> None:
    add(registry_file, entry("a", 9000, memory="2g"))
    replace(registry_file, "a", entry("a", 9001))
    instance = registry_file.read().find("a")
    assert (instance.port, instance.memory) == (9001, None)


def test_replace_by_the_same_entry_keeps_the_file_and_true_instead_of_1_changes_it(
    registry_file: RegistryFile, path: Path
) -> None:
    before = write(path, entry("a", 9000, french=1))
    with pytest.raises(UsageError, match="a: the entry is refused: french 1"):
        replace(registry_file, "a", entry("a", 9000, french=1))
    assert path.read_bytes() == before
    replace(registry_file, "a", entry("a", 9000, french=True))
    assert registry_file.read().find("a").french


def test_replace_may_change_the_id_of_a_refused_entry_alone(
    registry_file: RegistryFile, path: Path
) -> None:
    write(path, entry("a", 9000), entry("Bad", 9001))
    with pytest.raises(UsageError, match="the id of a cannot change"):
        replace(registry_file, "a", entry("b", 9000))
    replace(registry_file, "Bad", entry("good", 9001))
    assert registry_file.read().ids() == ("a", "good")


def test_replace_by_an_invalid_entry_writes_nothing(
    registry_file: RegistryFile, path: Path
) -> None:
    before = write(path, entry("a", 9000), entry("b", 9001))
    with pytest.raises(EntryError):
        replace(registry_file, "b", entry("b", 9000))
    assert path.read_bytes() == before


def test_an_exception_inside_an_edit_writes_nothing(
    registry_file: RegistryFile, path: Path
) -> None:
    before = write(path, entry("a", 9000))

    def interrupt(_: dict[str, Any]) -> dict[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update(registry_file, "a", interrupt)
    assert path.read_bytes() == before


def test_one_edit_can_change_several_entries(registry_file: RegistryFile) -> None:
    with registry_file.edit() as change:
        change.add(entry("a", 9000))
        change.add(entry("b", 9001))
        change.remove("a")
        change.add(entry("c", 9000))
    assert registry_file.read().ids() == ("b", "c")


def test_remove_refuses_an_id_that_two_entries_have(
    registry_file: RegistryFile, path: Path
) -> None:
    before = write(path, entry("a", 9000), entry("a", 9001))
    with pytest.raises(UsageError, match="2 entries of the registry file have the id a"):
        registry_file.remove("a")
    assert path.read_bytes() == before


def test_the_last_entry_can_be_removed(registry_file: RegistryFile, path: Path) -> None:
    add(registry_file, entry("a", 9000))
    registry_file.remove("a")
    assert json.loads(path.read_text()) == []


def test_a_write_keeps_mode_and_owner(registry_file: RegistryFile, path: Path) -> None:
    write(path, entry("a", 9000))
    path.chmod(0o664)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    before = path.stat()
    add(registry_file, entry("b", 9001))
    after = path.stat()
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode, before.st_uid, before.st_gid,
    )  # fmt: skip


def test_a_new_file_gets_its_folder_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "servers.json"
    add(RegistryFile(path), entry())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_write_through_a_symbolic_link_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "real.json", tmp_path / "servers.json"
    write(target, entry("a", 9000))
    link.symlink_to(target)
    add(RegistryFile(link), entry("b", 9001))
    assert link.is_symlink()
    assert RegistryFile(target).read().ids() == ("a", "b")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["elsewhere", "servers.json"]


def test_a_write_leaves_only_the_file_and_its_lock(registry_file: RegistryFile, path: Path) -> None:
    add(registry_file, entry("a", 9000))
    registry_file.remove("a")
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "servers.json",
        "servers.json.lock",
    ]


def test_the_entry_of_an_id_is_what_the_file_has(registry_file: RegistryFile, path: Path) -> None:
    write(path, entry("a") | {"port": "x"}, entry("b", 9001))
    assert registry_file.read_entry("a") == entry("a") | {"port": "x"}
    with pytest.raises(UsageError, match='no instance "c"'):
        registry_file.read_entry("c")


def test_an_edit_that_changes_nothing_leaves_the_file(
    registry_file: RegistryFile, path: Path
) -> None:
    before = write(path, entry("a"))
    written = path.stat()
    with registry_file.edit():
        pass
    assert path.read_bytes() == before
    assert path.stat().st_ino == written.st_ino
