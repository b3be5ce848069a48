"""How the folders of a snapshot are counted, and which of their files are read."""

import random
from typing import Any

from wb_cli.backup.listing import (
    SAMPLE_FILES,
    File,
    Listing,
    compare_folders,
    fit,
    make_patterns,
)
from wb_cli.backup.manifest import Content


def node(path: str, size: int | None = 1, kind: str = "file") -> dict[str, Any]:
    return {"message_type": "node", "type": kind, "path": path} | (
        {} if size is None else {"size": size}
    )


def listing(*nodes: dict[str, Any]) -> Listing:
    found = Listing("/backup", random.Random(1))
    for each in nodes:
        found.add(each)
    return found


def test_files_are_counted_by_folder_and_nothing_else_is() -> None:
    found = listing(
        {"message_type": "snapshot", "id": "x"},
        node("/backup/assets", None, "dir"),
        node("/backup/assets/a", 3),
        node("/backup/assets/b/c", 4),
        node("/backup/assets/link", None, "symlink"),
        node("/backup/sandbox/empty", None),
        node("/elsewhere/x", 9),
    )
    assert found.folders == {"assets": (2, 7), "sandbox": (1, 0)}


def test_no_more_files_are_read_than_enough_and_all_have_the_same_chance() -> None:
    found = listing(*(node(f"/backup/assets/{i}") for i in range(10_000)))
    paths = [int(file.path.rpartition("/")[2]) for file in found.choose_sample()]
    assert len(set(paths)) == SAMPLE_FILES
    assert max(paths) > 5_000 > min(paths)


def test_a_file_whose_name_restic_cannot_write_is_counted_and_not_read() -> None:
    found = listing(node("/backup/assets/caf\ufffd"))
    assert (found.folders, found.choose_sample()) == ({"assets": (1, 1)}, [])


def test_what_is_read_fits_and_is_at_least_one_file() -> None:
    files = [File("a", 60), File("b", 50), File("c", 40)]
    assert fit(files, 100) == [files[0], files[2]]
    assert fit(files, 30) == [files[2]]
    assert fit([], 30) == []


def test_a_folder_that_differs_is_named_with_both_numbers() -> None:
    known = {"assets": Content(2, 2048), "sandbox": Content(0, 0)}
    assert compare_folders(known, {"assets": (2, 2048)}) == ""
    said = compare_folders(known, {"assets": (1, 1024), "sandbox": (1, 0)})
    assert "assets has 1 files with 1.0 KiB, not 2 with 2.0 KiB" in said
    assert "sandbox has 1 files" in said


def test_an_older_manifest_that_counted_nothing_is_not_compared() -> None:
    assert compare_folders({}, {"assets": (1, 1)}) == ""


def test_a_name_with_signs_of_a_pattern_means_itself() -> None:
    assert make_patterns([File(r"/backup/a/*[1]?\x", 1)], "/backup") == [r"/a/\*\[1\]\?\\x"]
