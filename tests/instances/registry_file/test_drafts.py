"""The copy that an operator edits, and the content beneath it."""

import stat
from pathlib import Path

import pytest

from wb_cli.errors import UsageError, WbError
from wb_cli.instances.registry_file import drafts
from wb_cli.instances.registry_file.store import RegistryFile


def test_a_draft_lies_beside_the_file_for_its_owner_alone_and_leaves_nothing(path: Path) -> None:
    draft = drafts.begin(path, b"[1]")
    assert draft.path.parent == path.parent
    assert (draft.path.suffix, stat.S_IMODE(draft.path.stat().st_mode)) == (".json", 0o600)
    assert (draft.read(), draft.read_base()) == (b"[1]", b"[1]")
    draft.write(b"[2]", b"[3]")
    assert (draft.read(), draft.read_base()) == (b"[2]", b"[3]")
    draft.remove()
    assert list(path.parent.iterdir()) == []


def test_without_a_file_an_empty_list_is_edited(path: Path) -> None:
    draft = drafts.begin(path, None)
    assert (draft.read(), draft.read_base()) == (drafts.EMPTY, None)


def test_where_the_folder_is_missing_the_draft_lies_with_other_temporary_files(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert drafts.begin(path / "absent" / "servers.json", None).path.parent == tmp_path


def test_another_file_is_no_draft(path: Path) -> None:
    with pytest.raises(UsageError, match="is not a copy"):
        drafts.Draft(path).read_base()
    with pytest.raises(WbError, match="cannot read"):
        drafts.Draft(path).read()


def test_the_whole_content_is_replaced_under_the_lock_unless_it_is_the_same(path: Path) -> None:
    file = RegistryFile(path)
    file.rewrite(lambda present: b"[]" if present is None else b"")
    before = path.stat().st_ino
    file.rewrite(lambda present: present or b"")
    assert (path.read_bytes(), path.stat().st_ino) == (b"[]", before)
