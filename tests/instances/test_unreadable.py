"""A registry file that cannot be read is an error with a reason, and it is never replaced.

It covers registry_text.py, and the reading in store.py.
"""

import os
from pathlib import Path

import pytest
from instances.examples import add, entry, update, write

from wb_cli.errors import ExitCode, WbError
from wb_cli.instances.registry_file.store import RegistryFile

GOOD = '{"id": "a", "label": "A", "port": 9000, "serverVersion": "1"}'

CONTENTS = {
    "empty": (b"", "the file is empty"),
    "blank": (b" \n\n", "the file is empty"),
    "truncated": (f'[\n  {GOOD},\n  {{"id": "b", "la'.encode(), "line 3"),
    "truncated between entries": (f"[{GOOD},".encode(), "ends too early"),
    "missing comma": (f"[{GOOD}\n{GOOD}]".encode(), "line 2, column 1"),
    "trailing comma": (f"[{GOOD},]".encode(), "line 1, column"),
    "comment": (f"// fleet\n[{GOOD}]".encode(), "line 1, column 1"),
    "text after it": (f"[{GOOD}] x".encode(), "Extra data"),
    "an object": (GOOD.encode(), "holds an object, not a list"),
    "a string": (b'"servers"', "holds a string"),
    "null": (b"null", "holds null"),
    "a number": (b"7", "not a list"),
    "NaN": (b'[{"id": NaN}]', "NaN is not JSON"),
    "Latin-1": ("[\n{'label': 'Côte'}]".encode("latin-1"), "line 2: not UTF-8"),
    "UTF-16": (f"[{GOOD}]".encode("utf-16"), "not UTF-8"),
    "binary": (bytes(range(256)), "not UTF-8"),
    "NUL bytes": (b"\0" * 100, "line 1, column 1"),
    "nested too deeply": (b"[" * 100_000, "recursion"),
    "a number too long": (b'[{"port": ' + b"9" * 5000 + b"}]", "digits"),
    "10 MB cut short": (b"[" + f"{GOOD},\n".encode() * 160_000, "ends too early"),
}


def check_refused(path: Path, reason: str, code: ExitCode = ExitCode.FAILURE) -> WbError:
    """Check that reading and every change fail for this reason. Return the reading error."""
    registry_file = RegistryFile(path)
    attempts = [
        registry_file.read,
        lambda: add(registry_file, entry("new", 9999)),
        lambda: registry_file.remove("a"),
        lambda: update(registry_file, "a", lambda raw: raw),
    ]
    errors = []
    for attempt in attempts:
        with pytest.raises(WbError) as caught:
            attempt()
        assert reason in caught.value.message
        assert str(path) in caught.value.message
        assert caught.value.hint
        assert caught.value.exit_code == code
        errors.append(caught.value)
    assert not path.with_name(f"{path.name}.lock").exists()
    return errors[0]


@pytest.mark.parametrize("name", CONTENTS)
def test_the_error_of_bad_content_names_the_reason_and_the_file_stays(
    path: Path, name: str
) -> None:
    content, reason = CONTENTS[name]
    path.write_bytes(content)
    before = path.stat()
    error = check_refused(path, reason, ExitCode.USAGE)
    assert "Nothing was changed" in error.hint
    assert path.read_bytes() == content
    assert path.stat().st_ino == before.st_ino


def test_a_folder_is_not_a_registry_file(path: Path) -> None:
    path.mkdir()
    (path / "inside").touch()
    check_refused(path, "is a directory")
    assert [entry.name for entry in path.iterdir()] == ["inside"]


def test_a_pipe_is_an_error_at_once(path: Path) -> None:
    os.mkfifo(path)
    check_refused(path, "not a regular file")


def test_a_link_that_leads_nowhere_is_not_an_empty_registry(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "volume" / "servers.json")
    check_refused(path, "no such file")
    assert path.is_symlink()
    assert not (tmp_path / "volume").exists()


def test_a_link_to_itself_is_an_error(path: Path) -> None:
    path.symlink_to(path)
    check_refused(path, "symbolic link")


def test_a_file_below_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    check_refused(tmp_path / "file" / "servers.json", "not a directory")


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf[]", b"[ ]", b"\n[\n]\n"])
def test_a_byte_order_mark_and_white_space_are_accepted(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    add(RegistryFile(path), entry("a", 9000))
    assert RegistryFile(path).read().ids() == ("a",)


def test_10_mb_of_valid_entries_are_read_and_changed(path: Path) -> None:
    padding = "x" * 50_000
    write(path, *(entry(f"i{n}", 1000 + n, note=padding) for n in range(200)))
    assert path.stat().st_size > 10_000_000
    RegistryFile(path).remove("i7")
    assert len(RegistryFile(path).read().instances) == 199


def test_10_mb_of_entries_that_claim_the_same_are_each_refused(path: Path) -> None:
    path.write_bytes(b"[" + b",\n".join([GOOD.encode()] * 40_000) + b"]")
    registry = RegistryFile(path).read()
    assert registry.ids() == ("a",)
    assert len(registry.refused) == 39_999
